#include "step_watch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace nnunet {

std::optional<StepWatch::Seen> StepWatch::add(const StepResult& result, Batch& batch) {
  Waiting started{torch::stack({result.loss, result.found_inf}), std::move(batch), std::nullopt};
  if (device_.is_cuda()) {
    const auto host = torch::TensorOptions(torch::kFloat).pinned_memory(true);
    started.numbers = torch::empty({2}, host).copy_(started.numbers, /*non_blocking=*/true);
    started.copied.emplace(device_.type());
    started.copied->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  }
  std::optional<Seen> before = last();
  waiting_ = std::move(started);
  return device_.is_cuda() ? std::move(before) : last();
}

std::optional<StepWatch::Seen> StepWatch::last() {
  if (!waiting_) return std::nullopt;
  Waiting w = *std::exchange(waiting_, std::nullopt);
  if (w.copied) w.copied->synchronize();
  const float* const numbers = w.numbers.const_data_ptr<float>();
  return Seen{numbers[0], numbers[1] != 0, std::move(w.batch)};
}

}  // namespace nnunet
