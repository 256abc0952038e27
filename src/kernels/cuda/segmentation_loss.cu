#include "launch.h"
#include "loss_stages.h"
#include "nnunet/kernels/cuda.h"

namespace nnunet::kernels::cuda {

std::int64_t loss_workspace(const LossShape& shape) {
  return workspace_bytes(make_tiles(shape));
}

template <class T>
void loss_forward(const T* logits, const std::uint8_t* label, float* sums, const LossShape& shape, bool focal,
                  void* workspace, Stream stream) {
  const LossTiles tiles = make_tiles(shape);
  auto* const softmax = tiles.groups > 1 ? static_cast<TopAndSum*>(workspace) : nullptr;
  auto* const partial = softmax != nullptr ? reinterpret_cast<float*>(softmax + shape.samples * shape.voxels)
                                           : static_cast<float*>(workspace);
  const LossPieces<T> pieces{tiles, logits, label, softmax, focal, partial};
  const LossTotals totals{tiles.statistics(), tiles.samples * tiles.pieces, partial, sums};
  if (softmax != nullptr)
    launch("loss_forward", stream, Softmax<T>{tiles, logits, softmax}, pieces, totals);
  else
    launch("loss_forward", stream, pieces, totals);
}

template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, const float* by_sums, T* gradient,
                   const LossShape& shape, bool focal, Stream stream) {
  launch("loss_backward", stream, LossGradient<T>{make_tiles(shape), logits, label, focal, by_sums, gradient});
}

#define NNUNET_INSTANTIATE(T)                                                                               \
  template void loss_forward(const T*, const std::uint8_t*, float*, const LossShape&, bool, void*, Stream); \
  template void loss_backward(const T*, const std::uint8_t*, const float*, T*, const LossShape&, bool, Stream);
NNUNET_INSTANTIATE(float)
NNUNET_INSTANTIATE(Half)
NNUNET_INSTANTIATE(Bfloat16)

}  // namespace nnunet::kernels::cuda
