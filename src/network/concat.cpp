#include "nnunet/network/concat.h"

#include "nnunet/kernels/concat.h"
#include "nnunet/network/memory_format.h"

namespace nnunet {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const std::byte* bytes(const torch::Tensor& t) {
  return static_cast<const std::byte*>(t.const_data_ptr());
}
std::byte* mutable_bytes(const torch::Tensor& t) {
  return static_cast<std::byte*>(t.mutable_data_ptr());
}

/// Bytes of a voxel's channels.
std::int64_t row_bytes(std::int64_t channels, const torch::Tensor& t) {
  return channels * static_cast<std::int64_t>(t.element_size());
}

std::vector<std::int64_t> with_channels(const torch::Tensor& t, std::int64_t channels) {
  std::vector<std::int64_t> shape = t.sizes().vec();
  shape[1] = channels;
  return shape;
}

class Concat : public torch::autograd::Function<Concat> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& a, const torch::Tensor& b) {
    const std::int64_t first = a.size(1), second = b.size(1);
    context->saved_data["channels"] = first;
    const auto options = a.options().memory_format(channels_last_format(a.dim()));
    const torch::Tensor both = torch::empty(with_channels(a, first + second), options);
    kernels::concat_rows(bytes(a), bytes(b), mutable_bytes(both), a.numel() / first, row_bytes(first, a),
                         row_bytes(second, a));
    return both;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto format = channels_last_format(gradients[0].dim());
    const torch::Tensor both = gradients[0].contiguous(format);
    const std::int64_t first = context->saved_data["channels"].toInt(), second = both.size(1) - first;
    const auto options = both.options().memory_format(format);
    const torch::Tensor a = torch::empty(with_channels(both, first), options),
                        b = torch::empty(with_channels(both, second), options);
    kernels::split_rows(bytes(both), mutable_bytes(a), mutable_bytes(b), both.numel() / both.size(1),
                        row_bytes(first, both), row_bytes(second, both));
    return {a, b};
  }
};

bool has_kernel(const torch::Tensor& a, const torch::Tensor& b) {
  return a.is_cpu() && a.dim() == b.dim() && a.numel() > 0 && is_channels_last(a) && is_channels_last(b) &&
         a.scalar_type() == b.scalar_type() && a.size(0) == b.size(0) && a.sizes().slice(2) == b.sizes().slice(2);
}

}  // namespace

torch::Tensor concat_channels(const torch::Tensor& a, const torch::Tensor& b) {
  return has_kernel(a, b) ? Concat::apply(a, b) : at::cat({a, b}, 1);
}

}  // namespace nnunet
