#include "nnunet/serve/cancellation.h"

namespace nnunet::serve {

std::shared_ptr<SegmentWatch> Cancellation::watch() {
  const std::lock_guard lock(mutex_);
  watch_ = std::make_shared<SegmentWatch>();
  watch_->cancelled = cancelled_.load();
  return watch_;
}

void Cancellation::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (watch_) watch_->cancelled = true;
}

}  // namespace nnunet::serve
