#include "conv_op.h"

namespace nnunet::native {

template <class T>
ConvOp<T>::ConvOp(const kernels::ConvShape& shape, bool transposed, const NativeOptions& options)
    : transposed_(transposed),
      forward_(shape, transposed ? Direct::Direction::to_fine : Direct::Direction::to_coarse, options.isa) {
  if (!options.gradients) return;
  if (!shape.fine.plain)
    backward_.emplace(shape, transposed ? Direct::Direction::to_coarse : Direct::Direction::to_fine, options.isa);
  gradient_.emplace(shape, options.isa);
}

template <class T>
void ConvOp<T>::set_weights(const float* weights) {
  forward_.set_weights(weights);
  if (backward_) backward_->set_weights(weights);
}

template <class T>
std::int64_t ConvOp<T>::bytes() const {
  return forward_.weight_bytes() + (backward_ ? backward_->weight_bytes() : 0) + (gradient_ ? gradient_->bytes() : 0);
}

template class ConvOp<float>;
template class ConvOp<kernels::Bfloat16>;

}  // namespace nnunet::native
