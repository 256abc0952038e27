#pragma once
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "nnunet/dicom/spool.h"
#include "nnunet/dicom/storage_server.h"

namespace nnunet::dicom {

/// Puts instances that can be read into the spool. What is no image (our own segmentations and structure sets, say) is
/// taken and forgotten, so that no circle of nodes begins.
class IncomingInstances final : public StorageHandler {
 public:
  IncomingInstances(Spool& spool, std::uint64_t most_bytes) : spool_(spool), most_bytes_(most_bytes) {}

  Place begin(std::uint64_t association) override;
  StoreAnswer take(const ReceivedInstance& instance) override;
  void end(std::uint64_t association, const std::filesystem::path& file) override;
  void closed(std::uint64_t association) override;

  /// Series of which an association has sent, which is just sending another instance: that may be one more of theirs.
  std::set<std::string> held_series() const;

 private:
  struct Sending {
    std::set<std::string> series;
    bool busy = false;
  };

  Spool& spool_;
  const std::uint64_t most_bytes_;  ///< of an instance
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Sending> associations_;
};

}  // namespace nnunet::dicom
