#pragma once
#include <memory>
#include <optional>

#include "nnunet/kernels/direct.h"
#include "nnunet/native/native_unet.h"

namespace nnunet::native {

/// One convolution or transposed convolution with its backward passes, by the kernels that suit its shape.
template <class T>
class ConvOp {
 public:
  /// shape.fine is the input's side of a convolution, the result's of a transposed one.
  ConvOp(const kernels::ConvShape& shape, bool transposed, const NativeOptions& options);

  void set_weights(const float* weights);
  std::int64_t bytes() const;

  template <class X, class Y>
  void forward(const X& x, const Y& y, kernels::ConvWorkspace& workspace) const {
    forward_.run(x, y, workspace);
  }
  void forward(const kernels::Input<T>& x, const float* bias, float* plain, kernels::ConvWorkspace& workspace) const {
    forward_.run(x, bias, plain, workspace);
  }
  /// To the gradients of the input's one or two tensors.
  void backward(const kernels::Input<T>& dy, const kernels::Output<T>& first, const kernels::Output<T>& second,
                kernels::ConvWorkspace& workspace) const {
    backward_->run(dy, first, second, workspace);
  }
  void backward(const float* plain_dy, const kernels::Output<T>& dx, kernels::ConvWorkspace& workspace) const {
    backward_->run(plain_dy, dx, workspace);
  }
  /// X, Y: Input<T>, or const float* for a plain side.
  template <class X, class Y>
  void gradient(const X& x, const Y& dy, float* gradient, kernels::ConvWorkspace& workspace) {
    if constexpr (std::is_same_v<X, Y>) {
      if (transposed_) return gradient_->run(dy, x, gradient, workspace);
    }
    gradient_->run(x, dy, gradient, workspace);
  }

 private:
  using Direct = kernels::DirectConv<T>;
  bool transposed_;
  Direct forward_;
  std::optional<Direct> backward_;
  std::optional<kernels::DirectGradient<T>> gradient_;
};

}  // namespace nnunet::native
