#pragma once
#include <optional>

#include "nnunet/kernels/direct.h"
#include "nnunet/kernels/head.h"
#include "nnunet/kernels/winograd.h"
#include "nnunet/native/native_network.h"

namespace nnunet::native {

/// One convolution or transposed convolution with its backward passes, by the kernels that suit its shape: Winograd's
/// for stride 1 and kernels of 3 (1 along d), the head's for kernels of 1 to a plain side, direct ones for the rest.
template <class T>
class ConvOp {
 public:
  /// shape.fine is the input's side of a convolution, the result's of a transposed one.
  ConvOp(const kernels::ConvShape& shape, bool transposed, const NativeOptions& options);

  void set_weights(const float* weights);
  /// Of the weights in the kernels' order and of partial sums.
  std::int64_t bytes() const;

  void forward(const kernels::Input<T>& x, const kernels::Output<T>& y, kernels::ConvWorkspace& workspace) const;
  /// From and to a plain side.
  void forward(const float* images, const kernels::Output<T>& y, kernels::ConvWorkspace& workspace) const;
  void forward(const kernels::Input<T>& x, const float* bias, float* plain, kernels::ConvWorkspace& workspace) const;
  /// To the gradients of the input's one or two tensors.
  void backward(const kernels::Input<T>& dy, const kernels::Output<T>& first, const kernels::Output<T>& second,
                kernels::ConvWorkspace& workspace) const;
  void backward(const float* plain_dy, const kernels::Output<T>& dx, kernels::ConvWorkspace& workspace) const;
  /// By the weights, in their standard layout, overwritten.
  void gradient(const kernels::Input<T>& x, const kernels::Input<T>& dy, float* dw, kernels::ConvWorkspace& workspace);
  void gradient(const float* images, const kernels::Input<T>& dy, float* dw, kernels::ConvWorkspace& workspace);
  void gradient(const kernels::Input<T>& x, const float* plain_dy, float* dw, kernels::ConvWorkspace& workspace);

 private:
  void make_direct(const kernels::ConvShape& shape, const NativeOptions& options);
  void make_winograd(const kernels::ConvShape& shape, const NativeOptions& options);

  using Direct = kernels::DirectConv<T>;
  bool transposed_, joined_;
  std::optional<Direct> direct_, direct_backward_;
  std::optional<kernels::HeadConv<T>> head_;
  std::optional<kernels::DirectGradient<T>> direct_gradient_;
  std::optional<kernels::WinogradConv<T>> winograd_, winograd_backward_;
  std::optional<kernels::WinogradGradient<T>> winograd_gradient_;
};

}  // namespace nnunet::native
