#include "launch.h"
#include "nnunet/kernels/cuda.h"
#include "norm_act_stages.h"

namespace nnunet::kernels::cuda {
namespace {

constexpr int kPackBytes = 16;  // a thread's largest load

bool aligned(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) % kPackBytes == 0;
}

/// call(the size of packs as a type)
template <class T, class Call>
void with_pack(const NormShape& shape, bool all_aligned, const Call& call) {
  constexpr int kMost = kPackBytes / static_cast<int>(sizeof(T));
  if (all_aligned && pack_fits(shape, kMost))
    call(std::integral_constant<int, kMost>());
  else
    call(std::integral_constant<int, 1>());
}

}  // namespace

std::int64_t norm_act_workspace(const NormShape& shape) {
  // Whatever packs will fit.
  std::int64_t bytes = 0;
  for (const int pack : {1, 4, 8})
    if (pack_fits(shape, pack)) bytes = std::max(bytes, workspace_bytes(make_tiles(shape, pack)));
  return bytes;
}

template <class T>
void norm_act_forward(const T* x, T* y, float* mean, float* rstd, const NormShape& shape, const NormParameters& p,
                      void* workspace, Stream stream) {
  with_pack<T>(shape, aligned(x) && aligned(y), [&](auto size) {
    constexpr int kPack = decltype(size)::value;
    const Tiles tiles = make_tiles(shape, kPack);
    auto* const partial = static_cast<float*>(workspace);
    launch("norm_act_forward", stream, Moments<T, kPack>{tiles, x, partial},
           Statistics<T>{tiles, tiles.statistics(), x, partial, p.epsilon, mean, rstd},
           Apply<T, kPack>{tiles, x, y, mean, rstd, p});
  });
}

template <class T>
void norm_act_backward(const T* x, const T* dy, T* dx, float* dgamma, float* dbeta, const float* mean,
                       const float* rstd, const NormShape& shape, const NormParameters& p, void* workspace,
                       Stream stream) {
  with_pack<T>(shape, aligned(x) && aligned(dy) && aligned(dx), [&](auto size) {
    constexpr int kPack = decltype(size)::value;
    const Tiles tiles = make_tiles(shape, kPack);
    const std::int64_t statistics = tiles.statistics();
    auto* const total = static_cast<double*>(workspace);
    auto* const partial = reinterpret_cast<float*>(total + 2 * statistics);
    launch("norm_act_backward", stream, GradientSums<T, kPack>{tiles, x, dy, mean, rstd, p, partial},
           GradientTotals{statistics, tiles.pieces, partial, total},
           Gradient<T, kPack>{tiles, statistics, x, dy, dx, mean, rstd, p, total, dgamma, dbeta});
  });
}

#define NNUNET_INSTANTIATE(T)                                                                                  \
  template void norm_act_forward(const T*, T*, float*, float*, const NormShape&, const NormParameters&, void*, \
                                 Stream);                                                                      \
  template void norm_act_backward(const T*, const T*, T*, float*, float*, const float*, const float*,          \
                                  const NormShape&, const NormParameters&, void*, Stream);
NNUNET_INSTANTIATE(float)
NNUNET_INSTANTIATE(Half)
NNUNET_INSTANTIATE(Bfloat16)

}  // namespace nnunet::kernels::cuda
