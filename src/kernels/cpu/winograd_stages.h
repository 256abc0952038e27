#pragma once
#include <cstdint>

#include "nnunet/kernels/bfloat16.h"
#include "nnunet/kernels/blocked.h"

// The loops of the Winograd convolution, made once for each instruction set (winograd-inl.h). Every buffer holds blocks
// of 16 channels; strides are in elements.
namespace nnunet::kernels {

/// A box of tiles that one thread carries through all stages.
struct TileBox {
  std::int64_t samples = 0, d = 0, h = 0, w = 0;  ///< tiles: samples * d planes of h x w
  std::int64_t plane_h = 0, plane_w = 0;          ///< outputs of a plane
  std::int64_t lines = 0, line = 0;               ///< inputs of a plane: lines, and voxels of a line
  std::int64_t padded = 0;                        ///< number of tiles, filled up to what the matrix product takes
  std::int64_t matrix = 0;                        ///< from the tiles of one point to those of the next

  std::int64_t planes() const { return samples * d; }
  std::int64_t tiles() const { return planes() * h * w; }
};

/// What happens to a line of voxels of one block of channels on its way in: see Source. Null scale: nothing.
struct LineIn {
  const float *scale = nullptr, *shift = nullptr, *with_scale = nullptr;
  float slope = 1;
};

/// And on its way out: see Output. `sum` and `square` (16 each) are added to: of the values minus `pivot` and of their
/// squares, or, with rstd, of the gradient and of its product with xhat.
struct LineOut {
  const float* bias = nullptr;
  bool add = false;
  const float* pivot = nullptr;
  const float *rstd = nullptr, *offset = nullptr, *gamma = nullptr, *beta = nullptr;
  float slope = 1;
  float *sum = nullptr, *square = nullptr;
};

/// Stages that see the tensors' elements.
template <class T>
struct LineStages {
  void (*in)(const T* x, const T* with, float* to, std::int64_t voxels, const LineIn& f) = nullptr;
  /// x: the norm's input, with rstd.
  void (*out)(const float* from, const T* x, T* to, std::int64_t voxels, const LineOut& f) = nullptr;
};

/// Stages that see the transformed tiles' elements. Index: 4 or 6 points along h, and along w.
template <class U>
struct TileStages {
  /// Planes of one block of channels to the points of their tiles.
  void (*input[2][2])(const float* from, U* to, const TileBox& box) = {};
  /// Tiles (blocks, padded, 16) times weights (blocks * 16, columns) of one point: (out_blocks, padded, 16). Index: one
  /// block of output channels, or two.
  void (*multiply[2])(const U* tiles, std::int64_t blocks, std::int64_t padded, const U* weights, float* to) = {};
};

/// Of the gradient by the weights, 4 points along h and w. Tiles in bfloat16 lie in pairs: (blocks, tiles / 2, 16, 2).
template <class U>
struct GradientStages {
  /// Planes of one block to the points of their tiles: of the input, and of the output's gradient (no border).
  void (*input)(const float* from, U* to, const TileBox& box) = nullptr;
  void (*output)(const float* from, U* to, const TileBox& box) = nullptr;
  /// to (16, columns) += transposed tiles (count, 16) times gradients (out_blocks of (padded, 16)).
  void (*accumulate)(const U* tiles, const U* gradients, std::int64_t padded, std::int64_t count, float* to,
                     std::int64_t columns) = nullptr;
};

struct WinogradStages {
  int tile_multiple = 1;  ///< tiles are filled up to a multiple of it
  int out_blocks = 1;     ///< blocks of output channels of one matrix product
  bool bf16 = false;      ///< the stages in Bfloat16 are there

  LineStages<float> float_lines;
  LineStages<Bfloat16> half_lines;
  TileStages<float> float_tiles;
  TileStages<Bfloat16> half_tiles;
  GradientStages<float> float_gradient;
  GradientStages<Bfloat16> half_gradient;

  /// to = sum of factor[i] * from[offset[i]...], 1 to 4 terms.
  void (*combine)(const float* from, float* to, std::int64_t count, const std::int64_t* offset, const float* factor,
                  int terms) = nullptr;
  /// Back from the points of one block of output channels: times factor[s] onto (or where `first`, into) the outputs'
  /// plane s of each tile.
  void (*output[2][2])(const float* from, std::int64_t matrix, float* to, const TileBox& box, const float* factor,
                       const bool* first, int steps) = {};
};

// Tables of the compiler's making: to fill them runs no code of an instruction set that the processor may lack.
extern const WinogradStages winograd_portable;
#if defined(__x86_64__)
extern const WinogradStages winograd_avx2, winograd_avx512, winograd_avx512_bf16;
#endif
const WinogradStages& winograd_stages(Isa isa);

template <class T>
const LineStages<T>& line_stages(const WinogradStages& stages) {
  if constexpr (sizeof(T) == 4)
    return stages.float_lines;
  else
    return stages.half_lines;
}
template <class U>
const GradientStages<U>& gradient_stages(const WinogradStages& stages) {
  if constexpr (sizeof(U) == 4)
    return stages.float_gradient;
  else
    return stages.half_gradient;
}
template <class U>
const TileStages<U>& tile_stages(const WinogradStages& stages) {
  if constexpr (sizeof(U) == 4)
    return stages.float_tiles;
  else
    return stages.half_tiles;
}

}  // namespace nnunet::kernels
