#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "nnunet/serve/served_model.h"
#include "statistics.h"

namespace nnunet::serve {

struct BatchOptions {
  std::int64_t max_batch = 8;            ///< patches a run of the network
  std::chrono::microseconds delay{500};  ///< that the first patch of a batch waits for more; a lone client's does not
  std::size_t max_queue = 64;            ///< requests that wait
  std::chrono::milliseconds timeout{300000};  ///< that a request may wait
};

/// Patches of one request.
struct PatchTask {
  std::int64_t n = 0;
  std::vector<float> x;                 ///< (n,C,spatial)
  std::shared_ptr<SegmentWatch> watch;  ///< never null; cancelled before it runs it ends with Cancelled
  /// From the worker: the logits (n,K,spatial), or what went wrong. When it throws itself it is called again with that.
  std::function<void(std::vector<float> logits, std::exception_ptr failure)> done;
};

/// Joins what several clients ask for into batches; one thread runs them one after the other.
class Batcher {
 public:
  Batcher(ServedModel& model, const BatchOptions& options, Statistics& statistics);
  /// Finishes what was taken.
  ~Batcher();

  /// n must be in [1, max_batch]. False: too many wait already; the task is untouched.
  bool submit(PatchTask&& task);
  std::size_t waiting() const;

 private:
  struct Entry {
    PatchTask task;
    RequestTimes times;
  };
  void run();
  std::vector<Entry> next_batch();
  void execute(std::vector<Entry>& batch);
  std::vector<std::vector<float>> compute(const std::vector<Entry>& batch, std::int64_t n, RequestTimes& times);
  void finish(Entry& entry, std::vector<float> logits, const std::exception_ptr& failure);

  ServedModel& model_;
  const BatchOptions options_;
  Statistics& statistics_;
  const std::size_t input_values_, output_values_;  ///< of a patch
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Entry> queue_;
  bool ending_ = false;
  bool alone_ = false;             ///< the last batch was one request, and no other came while it ran
  Clock::time_point answering_{};  ///< since when the last batch's answers are given
  std::jthread worker_;            ///< last: it uses all of the above
};

}  // namespace nnunet::serve
