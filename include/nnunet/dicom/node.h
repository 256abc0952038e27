#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "nnunet/dicom/find_series.h"
#include "nnunet/dicom/spool.h"
#include "nnunet/dicom/storage_server.h"

/// A DICOM node that makes objects of the series that it is sent, and delivers them.
namespace nnunet::dicom {

struct NodeOptions {
  StorageServerOptions network;
  SpoolOptions spool;
  std::filesystem::path output;    ///< folder that gets a copy of each object; empty: none
  std::int64_t send_attempts = 0;  ///< for an object, until it is given up; 0: no end
  std::chrono::milliseconds first_wait{1000}, longest_wait{300000};  ///< between attempts; each is twice the one before
};

/// Writes the object of each volume of a series, which mostly is one, into the folder, as .dcm files. stop: asked from
/// time to time; when it is true, the work ends with Cancelled. Throws Error: the series cannot be segmented.
using SeriesSegmenter = std::function<void(const std::vector<FoundSeries>& volumes, const std::filesystem::path& folder,
                                           const std::function<bool()>& stop)>;
/// Throws Error: the object was not taken, and will be sent again.
using ObjectDelivery = std::function<void(const std::filesystem::path& object)>;

/// Receives and delivers by threads of its own; what computes is left to the caller's. An object is delivered at least
/// once: one that was taken by the archive, but whose taking was not noted before the process was killed, is sent
/// again, with the same UID.
class Node {
 public:
  /// Throws Error: the spool, or the address.
  Node(const NodeOptions& options, ObjectDelivery deliver);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  std::uint16_t port() const;
  /// Segments the series that waits longest. False: none waits. Failures go into the log and the spool's folder
  /// `failed`; where stop ended it, the series goes on waiting.
  bool segment_next(const SeriesSegmenter& segment, const std::function<bool()>& stop);
  /// Takes no more associations, waits for those that are there, and for an object that is being sent. False where an
  /// association had to be cut off.
  bool drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nnunet::dicom
