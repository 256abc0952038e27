#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "nnunet/serve/served_model.h"
#include "statistics.h"

namespace nnunet::serve {

/// A whole volume to be segmented.
struct VolumeTask {
  std::shared_ptr<SegmentWatch> watch = std::make_shared<SegmentWatch>();
  /// Makes the image; from the worker. May throw.
  std::function<Image()> read;
  /// Before the work; may be empty.
  std::function<void()> started;
  /// From the worker: the label map, or what went wrong (Cancelled, say). When it throws itself it is called again with
  /// that.
  std::function<void(LabelMap label, std::exception_ptr failure)> done;
};

/// Volumes one after the other on a thread of its own.
class VolumeQueue {
 public:
  /// memory: bytes that a volume may take; a larger one is refused (413).
  VolumeQueue(ServedModel& model, std::size_t max_queue, std::int64_t memory, Statistics& statistics);
  /// Finishes what was taken.
  ~VolumeQueue();

  /// False: too many wait already.
  bool submit(VolumeTask task);
  std::size_t waiting() const;
  /// What waits or runs ends as soon as it can.
  void cancel_all();

 private:
  void run();
  void execute(VolumeTask& task, RequestTimes times);

  ServedModel& model_;
  const std::size_t max_queue_;
  const std::int64_t memory_;
  Statistics& statistics_;
  mutable std::mutex mutex_;
  std::condition_variable came_;
  struct Entry {
    VolumeTask task;
    RequestTimes times;
  };
  std::deque<Entry> queue_;
  std::shared_ptr<SegmentWatch> current_;
  bool ending_ = false;
  std::jthread worker_;  ///< last: it uses all of the above
};

}  // namespace nnunet::serve
