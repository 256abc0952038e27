#include "nnunet/data/loader.h"

#include <utility>

#include "batch_queue.h"
#include "folder_batches.h"

namespace nnunet {

Loader::Loader(const PreprocessedFolder& folder, std::shared_ptr<const Sampler> sampler, LoaderOptions options) {
  auto maker = std::make_unique<FolderBatches>(folder, std::move(sampler), std::move(options));
  const LoaderOptions& checked = maker->options();
  const int workers = checked.num_workers, prefetch = checked.prefetch;
  queue_ = std::make_unique<BatchQueue>(std::move(maker), workers, prefetch);
}

Loader::~Loader() = default;

std::int64_t Loader::batches_per_epoch() const {
  return queue_->batches_per_epoch();
}

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_step) {
  queue_->start_epoch(epoch, first_step);
}

bool Loader::next(Batch& batch) {
  return queue_->next(batch);
}

double Loader::wait_seconds() const {
  return queue_->wait_seconds();
}

}  // namespace nnunet
