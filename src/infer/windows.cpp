#include "nnunet/infer/windows.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "nnunet/checkpoint/host_tensor.h"
#include "nnunet/core/array.h"

namespace nnunet {
namespace {

float widened(float value) {
  return value;
}
float widened(std::uint16_t bf16) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bf16) << 16U);
}

template <class T>
void copy_axis(const Logits& l, std::size_t axis, const T* from, float*& to) {
  const std::int64_t count = l.shape[axis], stride = l.strides[axis];
  if (axis + 1 < l.shape.size()) {
    for (std::int64_t i = 0; i < count; ++i) copy_axis(l, axis + 1, from + i * stride, to);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) *to++ = widened(from[i * stride]);
}

}  // namespace

std::int64_t WindowBatch::window_values() const {
  return Array<float>::count(shape) / std::max<std::int64_t>(1, shape.front());
}

WindowBatch WindowBatch::part(std::int64_t begin, std::int64_t count) const {
  WindowBatch part{values + begin * window_values(), shape};
  part.shape.front() = count;
  return part;
}

Logits Logits::make(std::vector<std::int64_t> shape, float*& to) {
  return LogitMemory().make(std::move(shape), to);
}

void Logits::copy_to(float* to) const {
  if (bf16)
    copy_axis(*this, 0, static_cast<const std::uint16_t*>(values), to);
  else if (strides == contiguous_strides(shape))
    std::copy_n(static_cast<const float*>(values), Array<float>::count(shape), to);
  else
    copy_axis(*this, 0, static_cast<const float*>(values), to);
}

Logits LogitMemory::make(std::vector<std::int64_t> shape, float*& to) {
  const auto count = static_cast<std::size_t>(Array<float>::count(shape));
  if (kept_ == nullptr || kept_.use_count() > 1 || kept_->size() < count)
    kept_ = std::make_shared<std::vector<float>>(count);
  std::atomic_thread_fence(std::memory_order_acquire);  // whoever let go of it may be another thread
  to = kept_->data();
  Logits logits;
  logits.values = to;
  logits.strides = contiguous_strides(shape);
  logits.shape = std::move(shape);
  logits.memory = kept_;
  return logits;
}

}  // namespace nnunet
