#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "nnunet/data/loader.h"

namespace nnunet {

/// Makes the batches of a training: each depends on its epoch and step alone. Thread-safe.
class BatchMaker {
 public:
  using Make = std::function<Batch(std::uint32_t epoch, std::int64_t step)>;

  virtual ~BatchMaker() = default;
  virtual std::int64_t batches_per_epoch() const = 0;
  /// What makes a batch. Each thread has one of its own, with the buffers that it reuses.
  virtual Make maker() = 0;
};

/// Batches made ahead of time by worker threads (0: by next() itself) and handed out in order. At most `prefetch` wait
/// for each worker.
class BatchQueue final : public BatchSource {
 public:
  BatchQueue(std::unique_ptr<BatchMaker> maker, int workers, int prefetch);
  ~BatchQueue() override;
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  std::int64_t batches_per_epoch() const override;
  void start_epoch(std::int64_t epoch, std::int64_t first_step = 0) override;
  /// Rethrows an error of a worker.
  bool next(Batch& batch) override;
  double wait_seconds() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
