#include "conv_op.h"

#include <omp.h>

#include <array>
#include <span>

namespace nnunet::native {

using kernels::ConvShape;
using kernels::ConvWorkspace;
using kernels::Input;
using kernels::Output;

namespace {

bool suits_winograd(const ConvShape& s) {
  const bool kernel = (s.kernel[0] == 1 || s.kernel[0] == 3) && s.kernel[1] == 3 && s.kernel[2] == 3;
  return kernel && s.stride == decltype(s.stride){1, 1, 1} && !s.fine.plain && !s.coarse.plain;
}

bool is_head(const ConvShape& s) {
  return s.taps() == 1 && s.stride == decltype(s.stride){1, 1, 1} && s.coarse.plain && !s.fine.plain &&
         s.fine.second_channels == 0;
}

/// A run of Winograd's kernels with the memory that it needs.
template <class Conv, class T, class... Arguments>
void run_winograd(const Conv& conv, ConvWorkspace& workspace, const Input<T>& x, Arguments&&... arguments) {
  const int threads = omp_get_max_threads();
  workspace.prepare(threads);
  conv.run(x, std::forward<Arguments>(arguments)..., threads, workspace.get(0, conv.workspace(x, threads)));
}

}  // namespace

template <class T>
ConvOp<T>::ConvOp(const ConvShape& shape, bool transposed, const NativeOptions& options)
    : transposed_(transposed), joined_(shape.fine.second_channels > 0) {
  if (!transposed && suits_winograd(shape))
    make_winograd(shape, options);
  else
    make_direct(shape, options);
}

template <class T>
void ConvOp<T>::make_direct(const ConvShape& shape, const NativeOptions& options) {
  const auto forward = transposed_ ? Direct::Direction::to_fine : Direct::Direction::to_coarse,
             backward = transposed_ ? Direct::Direction::to_coarse : Direct::Direction::to_fine;
  if (is_head(shape))
    head_.emplace(shape.fine.channels, shape.coarse.channels, options.isa);
  else
    direct_.emplace(shape, forward, options.isa);
  if (!options.gradients) return;
  if (!shape.fine.plain) direct_backward_.emplace(shape, backward, options.isa);
  direct_gradient_.emplace(shape, options.isa);
}

template <class T>
void ConvOp<T>::make_winograd(const ConvShape& shape, const NativeOptions& options) {
  const kernels::WinogradShape forward{
      {shape.fine.channels, shape.fine.second_channels}, {shape.coarse.channels, 0}, static_cast<int>(shape.kernel[0])};
  using Errors = kernels::WinogradErrors;
  constexpr bool kBf16 = std::is_same_v<T, kernels::Bfloat16>;
  const auto plan = [&](const kernels::WinogradShape& s) {
    return kernels::winograd_plan(
        s, shape.fine.size, kBf16, options.isa,
        options.large_tiles && !options.gradients ? Errors::as_plain_sums : Errors::below_plain_sums);
  };
  winograd_.emplace(forward, plan(forward));
  if (!options.gradients) return;
  const kernels::WinogradShape backward{
      {shape.coarse.channels, 0}, {shape.fine.channels, shape.fine.second_channels}, static_cast<int>(shape.kernel[0])};
  winograd_backward_.emplace(backward, plan(backward));
  winograd_gradient_.emplace(forward, options.isa);
}

template <class T>
void ConvOp<T>::set_weights(const float* weights) {
  if (direct_) direct_->set_weights(weights);
  if (head_) head_->set_weights(weights);
  if (direct_backward_) direct_backward_->set_weights(weights);
  if (winograd_) winograd_->set_weights(weights);
  if (winograd_backward_) winograd_backward_->set_weights(weights, true);
}

template <class T>
std::int64_t ConvOp<T>::bytes() const {
  std::int64_t sum = 0;
  for (const auto* conv : {&direct_, &direct_backward_})
    if (*conv) sum += (*conv)->weight_bytes();
  for (const auto* conv : {&winograd_, &winograd_backward_})
    if (*conv) sum += (*conv)->weight_bytes();
  if (head_) sum += head_->weight_bytes();
  return sum + (direct_gradient_ ? direct_gradient_->bytes() : 0);
}

template <class T>
void ConvOp<T>::forward(const Input<T>& x, const Output<T>& y, ConvWorkspace& workspace) const {
  if (direct_) return direct_->run(x, y, workspace);
  run_winograd(*winograd_, workspace, x, std::span<const Output<T>>(&y, 1));
}

template <class T>
void ConvOp<T>::forward(const float* images, const Output<T>& y, ConvWorkspace& workspace) const {
  direct_->run(images, y, workspace);
}

template <class T>
void ConvOp<T>::forward(const Input<T>& x, const float* bias, float* plain, ConvWorkspace& workspace) const {
  if (head_) return head_->run(x.first, bias, plain, workspace);
  direct_->run(x, bias, plain, workspace);
}

template <class T>
void ConvOp<T>::backward(const Input<T>& dy, const Output<T>& first, const Output<T>& second,
                         ConvWorkspace& workspace) const {
  if (direct_backward_) return direct_backward_->run(dy, first, second, workspace);
  const std::array<Output<T>, 2> both{first, second};
  run_winograd(*winograd_backward_, workspace, dy, std::span<const Output<T>>(both.data(), joined_ ? 2 : 1));
}

template <class T>
void ConvOp<T>::backward(const float* plain_dy, const Output<T>& dx, ConvWorkspace& workspace) const {
  direct_backward_->run(plain_dy, dx, workspace);
}

template <class T>
void ConvOp<T>::gradient(const Input<T>& x, const Input<T>& dy, float* dw, ConvWorkspace& workspace) {
  if (winograd_gradient_) return run_winograd(*winograd_gradient_, workspace, x, dy, dw);
  if (transposed_) return direct_gradient_->run(dy, x, dw, workspace);
  direct_gradient_->run(x, dy, dw, workspace);
}

template <class T>
void ConvOp<T>::gradient(const float* images, const Input<T>& dy, float* dw, ConvWorkspace& workspace) {
  direct_gradient_->run(images, dy, dw, workspace);
}

template <class T>
void ConvOp<T>::gradient(const Input<T>& x, const float* plain_dy, float* dw, ConvWorkspace& workspace) {
  direct_gradient_->run(x, plain_dy, dw, workspace);
}

template class ConvOp<float>;
template class ConvOp<kernels::Bfloat16>;

}  // namespace nnunet::native
