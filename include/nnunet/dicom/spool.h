#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nnunet/io/folder_lock.h"

/// The queue of a DICOM node. What is in it, and how far it is, is what lies on the disk: a series is a folder whose
/// place is its state, and goes from one to the next by a rename, so a process that is killed leaves a queue that the
/// next one goes on with. Names of files are digests and tell nothing of patients.
///   incoming/N                   an instance on its way; forgotten at a restart, since its sender got no answer
///   receiving/SERIES/images/     a series of which more may come
///   waiting/SERIES/              complete, to be segmented
///   segmented/SERIES/UID.dcm     beside its images: an object (of several volumes several) that is not delivered yet
///   done/SERIES/instances.txt    which instances went into what was delivered
///   failed/SERIES/reason.txt     beside its images: why it cannot be segmented, or what was made of it not be
///   delivered
namespace nnunet::dicom {

struct SpoolOptions {
  std::filesystem::path folder;
  std::uint64_t most_bytes = std::uint64_t{100} << 30;  ///< of all files in it
  std::uint64_t free_bytes = std::uint64_t{1} << 30;    ///< that stay free on the disk
  std::chrono::milliseconds series_timeout{10000};      ///< without an instance: the series is complete
  bool keep = false;                                    ///< images and objects of what was delivered, in done
};

/// From several threads; at most one takes waiting series, and one segmented ones. Throws Error where the disk cannot
/// be written.
class Spool {
 public:
  using Clock = std::chrono::steady_clock;

  /// Makes the folders, for this user alone, and locks them for this process. Throws Error.
  explicit Spool(const SpoolOptions& options);

  const std::filesystem::path& folder() const { return options_.folder; }

  /// How many bytes may still come in; 0, with the reason, where none may.
  std::uint64_t room(std::string& why_not);
  /// A file for an instance to be received into.
  std::filesystem::path incoming();
  /// It did not become one of a series.
  void forget(const std::filesystem::path& file);
  /// A received instance becomes one of its series, durably; of two with the same name the last one counts. A series
  /// that was taken for complete, but is not delivered yet, is received again, all of it. Returns how many instances of
  /// the series there are.
  std::size_t add(const std::filesystem::path& file, const std::string& series, const std::string& instance);

  /// Series of which nothing came for series_timeout, but for those that `held` names, begin to wait. How many are
  /// received and waiting.
  struct Counts {
    std::size_t receiving = 0, waiting = 0;
  };
  Counts promote(const std::set<std::string>& held);

  /// A series that is worked on.
  struct Job {
    std::string series;            ///< digest
    std::filesystem::path folder;  ///< holds `images`

    std::filesystem::path images() const { return folder / "images"; }
    std::vector<std::filesystem::path> objects() const;  ///< the .dcm files beside images, in order of their names
    std::vector<std::string> instances() const;
  };
  /// The series that waits longest.
  std::optional<Job> next_waiting();
  /// The one that was segmented first, but for those that are `not_yet` to be delivered.
  std::optional<Job> next_segmented(const std::set<std::string>& not_yet);

  /// Whether more of a series came while it is segmented: the result would be of a part.
  bool is_overtaken(const Job& job) const;
  /// Instances of an object of the same series that was delivered before; empty: none.
  std::vector<std::string> delivered_before(const Job& job) const;

  // What became of a job. Where it was overtaken, it is received again whatever the call.
  void segmented(const Job& job);
  void delivered(const Job& job);
  /// Returns the folder where it lies from here on; empty: it was overtaken.
  std::filesystem::path failed(const Job& job, const std::string& reason);
  void drop(const Job& job);
  /// It goes on waiting.
  void release(const Job& job);

 private:
  std::filesystem::path place(const char* state, const std::string& series = {}) const;
  void gather(const std::string& series);
  bool end(const Job& job);
  void remove(const std::filesystem::path& path);
  void take_stock();

  SpoolOptions options_;
  std::unique_ptr<FolderLock> lock_;
  mutable std::mutex mutex_;
  std::map<std::string, Clock::time_point> last_;  ///< of series that are received
  std::set<std::string> active_;                   ///< series that are worked on
  std::uint64_t used_ = 0, next_file_ = 0;
};

}  // namespace nnunet::dicom
