#pragma once
#include <cstdint>

#include "nnunet/kernels/direct.h"

namespace nnunet::kernels {

/// What a register tile of the direct convolutions reads and writes: `rows` x `cols` voxels times one or two blocks of
/// sixteen output channels, summed over channel blocks, taps and lanes.
struct ConvTile {
  const void* in = nullptr;            ///< staged voxel of the tile's first position, tap offset 0, channel block 0
  std::int64_t block_step = 0;         ///< elements from a channel block to the next
  std::int64_t row_step = 0;           ///< elements from a row of positions to the next
  const std::int64_t* taps = nullptr;  ///< offset of each tap, elements
  std::int64_t tap_count = 0, blocks = 0;
  std::int64_t lanes = 16;        ///< channels in a block, where the pitch is 4
  const void* weights = nullptr;  ///< (block, tap, lane, 16 x output blocks); bf16: lanes by twos, pairs innermost
  float* out = nullptr;           ///< voxel v of the row at out + v * 16
  std::int64_t out_row_step = 0, out_block_step = 0;  ///< elements
};

/// Eight offsets of a staged fine patch times one or two blocks of the coarse side, summed over voxels.
struct GradientTile {
  const void* coarse = nullptr;  ///< rows of (16) values; second block at + coarse_block_step
  std::int64_t coarse_row_step = 0, coarse_block_step = 0, coarse_plane_step = 0;
  const float* fine[8] = {};  ///< value of the first voxel for each of the eight
  std::int64_t fine_row_step = 0, fine_step = 0, fine_plane_step = 0;
  std::int64_t planes = 1, rows = 0, cols = 0;
  float* out = nullptr;  ///< (8, 16 x blocks), added to
};

/// A row of a staged patch: zeros, then `count` voxels of `from` as a Source says, then zeros.
struct StageRow {
  const void* from = nullptr;
  const void* with = nullptr;
  void* to = nullptr;
  std::int64_t before = 0, count = 0, after = 0;
  const float* scale = nullptr;  ///< (16), null: as it is
  const float* shift = nullptr;
  const float* with_scale = nullptr;
  float slope = 1;
};

/// A row of results on its way out. sums: (3, 16), a shift, and the sums of what is written minus the shift and of its
/// square, added to; with `x` (as ThroughNorm) the shift is not read, the sums are those of g' and g' * xhat.
struct StoreRow {
  const float* from = nullptr;  ///< (count, 16)
  void* to = nullptr;
  std::int64_t to_step = 16, count = 0;  ///< elements from a voxel to the next
  const float* bias = nullptr;           ///< (16) or null
  bool add = false;                      ///< to what is there
  float* sums = nullptr;                 ///< or null
  const void* x = nullptr;               ///< or null; steps as `to`
  const float *rstd = nullptr, *offset = nullptr, *gamma = nullptr, *beta = nullptr;  ///< (16)
  float slope = 1;
};

/// A run of voxels of a sum's gradient: z = x * scale + with * with_scale + shift is its value, and g becomes g' = z <
/// 0 ? g * slope : g. sums, (3, 16), are added to: g', g' * (x * rstd + offset), g' * (with * with_rstd + with_offset).
struct SumRow {
  const void *x = nullptr, *with = nullptr;
  void* g = nullptr;
  std::int64_t count = 0;
  const float *scale = nullptr, *with_scale = nullptr, *shift = nullptr;  ///< (16), as the following
  const float *rstd = nullptr, *offset = nullptr, *with_rstd = nullptr, *with_offset = nullptr;
  float slope = 1;
  float* sums = nullptr;
};

/// Logits of some classes: a bias and the sum over lanes (channels, or with bf16 pairs of them) of weights times
/// values.
struct HeadTile {
  const float* x = nullptr;  ///< (lanes, voxels), rows `x_step` apart
  std::int64_t x_step = 0, lanes = 0, count = 0;
  const float* weights = nullptr;  ///< (lanes, classes)
  const float* bias = nullptr;     ///< (classes) or null
  float* to = nullptr;             ///< (classes, voxels), rows `to_step` apart; voxels are filled up to kHeadVoxels
  std::int64_t to_step = 0;
};
inline constexpr std::int64_t kHeadVoxels = 128;

/// The direct kernels of one instruction set.
struct DirectKernels {
  using Conv = void (*)(const ConvTile&);
  using Gradient = void (*)(const GradientTile&);
  using Head = void (*)(const HeadTile&);
  using Stage = void (*)(const StageRow&);
  using Store = void (*)(const StoreRow&);
  int group = 1;          ///< output blocks a register tile computes at most
  int max_voxels = 1;     ///< positions of a register tile at most
  bool dot_bf16 = false;  ///< bf16 is multiplied as it is, by twos
  /// pitch: elements between neighbouring positions (4, 16 or 32); null where there is none.
  Conv (*conv)(int rows, int cols, int pitch, int blocks, bool bf16) = nullptr;
  Gradient gradient_f32[2] = {}, gradient_bf16[2] = {};  ///< for one and two blocks of the coarse side
  /// With dot_bf16: both sides are pairs of neighbouring positions, 32 bits a channel; positions count pairs.
  Gradient gradient_pairs[2] = {};
  /// Pair j of each of 16 channels: from[2 j step] and from[(2 j + 1) step], zeros from voxel `count` on.
  void (*pair_row)(const float* from, std::uint32_t* to, std::int64_t pairs, std::int64_t step,
                   std::int64_t count) = nullptr;
  int head_classes = 1;  ///< classes of a tile at most
  Head (*head)(int classes) = nullptr;
  Head (*head_pairs)(int classes) = nullptr;  ///< with dot_bf16
  /// `count` voxels (a multiple of 16) of 16 floats, or of 8 pairs of bf16, to (lanes, pitch).
  void (*turn_block)(const void* voxels, float* to, std::int64_t count, std::int64_t pitch) = nullptr;
  void (*turn_pairs)(const void* voxels, float* to, std::int64_t count, std::int64_t pitch) = nullptr;
  Stage stage_f32_f32 = nullptr, stage_bf16_f32 = nullptr, stage_bf16_bf16 = nullptr;
  Store store_f32 = nullptr, store_bf16 = nullptr;
  void (*sum_f32)(const SumRow&) = nullptr;
  void (*sum_bf16)(const SumRow&) = nullptr;
};

// Tables of the compiler's making: to fill them runs no code of an instruction set that the processor may lack.
extern const DirectKernels direct_portable;
#if defined(__x86_64__)
extern const DirectKernels direct_avx2, direct_avx512, direct_avx512_bf16;
#endif
const DirectKernels& direct_kernels(Isa isa);

}  // namespace nnunet::kernels
