#include "nnunet/kernels/head.h"

#include <omp.h>

#include <algorithm>
#include <cstring>

#include "direct_kernels.h"
#include "shared_tasks.h"
#include "staging.h"

namespace nnunet::kernels {

/// Voxels that a thread takes at a time.
template <class T>
struct HeadConv<T>::Piece {
  std::int64_t sample = 0, first = 0, count = 0;
  std::int64_t most = 0;    ///< of any piece: a multiple of kHeadVoxels
  std::int64_t voxels = 0;  ///< of a sample
};

namespace {

constexpr std::int64_t kTurned = 32768;  // values of a piece: of a core's second-level cache

std::int64_t most_voxels(std::int64_t lanes, std::int64_t voxels) {
  return std::min(std::clamp<std::int64_t>(kTurned / lanes / kHeadVoxels, 1, 16), ceil_div(voxels, kHeadVoxels)) *
         kHeadVoxels;
}

}  // namespace

template <class T>
HeadConv<T>::HeadConv(std::int64_t channels, std::int64_t classes, Isa isa)
    : kernels_(direct_kernels(isa)),
      channels_(channels),
      classes_(classes),
      bf16_(std::is_same_v<T, Bfloat16> && kernels_.dot_bf16),
      lanes_(blocks_of(channels) * (bf16_ ? kBlock / 2 : kBlock)),
      groups_(ceil_div(classes, kernels_.head_classes)) {}

template <class T>
void HeadConv<T>::set_weights(const float* weights) {
  if (weights_.size() == 0) weights_ = AlignedBytes(lanes_ * classes_ * 4);
  std::memset(weights_.data(), 0, static_cast<std::size_t>(weights_.size()));
  for (std::int64_t group = 0; group < groups_; ++group) {
    const std::int64_t first = classes_ * group / groups_, count = classes_ * (group + 1) / groups_ - first;
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t k = 0; k < count; ++k) {
        const float value = weights[(first + k) * channels_ + c];
        const std::int64_t at = first * lanes_ + (bf16_ ? c / 2 : c) * count + k;
        if (bf16_)
          from_float(value, weights_.template as<Bfloat16>()[at * 2 + c % 2]);
        else
          weights_.template as<float>()[at] = value;
      }
  }
}

/// Normalised and activated, a row of voxels for each lane.
template <class T>
void HeadConv<T>::stage(const Source<T>& x, const Piece& piece, char* staged, float* turned) const {
  const std::int64_t blocks = x.x.blocks(), block_lanes = lanes_ / blocks;
  StageRow row;
  row.count = piece.count;
  row.after = ceil_div(piece.count, kHeadVoxels) * kHeadVoxels - piece.count;
  row.slope = x.slope;
  row.to = staged;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t statistics = (piece.sample * blocks + b) * kBlock;
    const T* const from = x.x.at(piece.sample, b) + piece.first * kBlock;
    row.from = from;
    row.with = x.with ? x.with + (from - x.x.data) : nullptr;
    row.scale = x.scale ? x.scale + statistics : nullptr;
    row.shift = x.shift ? x.shift + statistics : nullptr;
    row.with_scale = x.with_scale ? x.with_scale + statistics : nullptr;
    if constexpr (std::is_same_v<T, float>)
      kernels_.stage_f32_f32(row);
    else
      (bf16_ ? kernels_.stage_bf16_bf16 : kernels_.stage_bf16_f32)(row);
    (bf16_ ? kernels_.turn_pairs : kernels_.turn_block)(staged, turned + b * block_lanes * piece.most,
                                                        piece.count + row.after, piece.most);
  }
}

template <class T>
void HeadConv<T>::multiply(const Piece& piece, const float* turned, const float* bias, float* y, float* rest) const {
  // Whole tiles go to their place at once, the voxels behind them by way of `rest`.
  const std::int64_t whole = piece.count / kHeadVoxels * kHeadVoxels, more = piece.count - whole;
  HeadTile tile;
  tile.x_step = piece.most;
  tile.lanes = lanes_;
  for (std::int64_t group = 0; group < groups_; ++group) {
    const std::int64_t first = classes_ * group / groups_, count = classes_ * (group + 1) / groups_ - first;
    const auto rows = (bf16_ ? kernels_.head_pairs : kernels_.head)(static_cast<int>(count));
    float* const to = y + (piece.sample * classes_ + first) * piece.voxels + piece.first;
    tile.weights = weights_.template as<const float>() + first * lanes_;
    tile.bias = bias ? bias + first : nullptr;
    tile.x = turned;
    tile.count = whole;
    tile.to = to;
    tile.to_step = piece.voxels;
    rows(tile);
    if (more == 0) continue;
    tile.x = turned + whole;
    tile.count = kHeadVoxels;
    tile.to = rest;
    tile.to_step = kHeadVoxels;
    rows(tile);
    for (std::int64_t k = 0; k < count; ++k) std::copy_n(rest + k * kHeadVoxels, more, to + k * piece.voxels + whole);
  }
}

template <class T>
void HeadConv<T>::run(const Source<T>& x, const float* bias, float* y, ConvWorkspace& workspace) const {
  const std::int64_t voxels = x.x.voxels(), most = most_voxels(lanes_, voxels), pieces = ceil_div(voxels, most);
  const std::int64_t staged = most * kBlock * 4, turned = lanes_ * most * 4,
                     rest = kernels_.head_classes * kHeadVoxels * 4;
  const int threads = omp_get_max_threads();
  workspace.prepare(threads);
  SharedTasks tasks(x.x.n * pieces, threads);
#pragma omp parallel num_threads(threads)
  {
    char* const memory = static_cast<char*>(workspace.get(omp_get_thread_num(), staged + turned + rest));
    float* const lanes = reinterpret_cast<float*>(memory + staged);
    tasks.work(omp_get_thread_num(), [&](std::int64_t i) {
      Piece piece;
      piece.sample = i / pieces;
      piece.first = i % pieces * most;
      piece.count = std::min(most, voxels - piece.first);
      piece.most = most;
      piece.voxels = voxels;
      stage(x, piece, memory, lanes);
      multiply(piece, lanes, bias, y, lanes + lanes_ * most);
    });
  }
}

template class HeadConv<float>;
template class HeadConv<Bfloat16>;

}  // namespace nnunet::kernels
