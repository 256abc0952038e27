#include "nnunet/kernels/passes.h"

#include <algorithm>
#include <vector>

#include "direct_kernels.h"
#include "staging.h"

namespace nnunet::kernels {
namespace {

constexpr std::int64_t kPiece = 512;  // voxels a piece of work; a float sum over so many is exact enough

template <class T>
constexpr bool kBf16 = std::is_same_v<T, Bfloat16>;

const float* row_of(const float* rows, std::int64_t row) {
  return rows ? rows + row * kBlock : nullptr;
}

/// Calls with (row = sample and block, first voxel, voxels, number of the piece).
template <class View, class Body>
void for_each_piece(const View& view, const Body& body) {
  const std::int64_t in_row = ceil_div(view.voxels(), kPiece), count = view.n * view.blocks() * in_row;
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = i % in_row * kPiece;
    body(i / in_row, first, std::min(kPiece, view.voxels() - first), i);
  }
}

}  // namespace

template <class T>
void apply(const Source<T>& source, const Blocked<T>& y, Isa isa) {
  const DirectKernels& kernels = direct_kernels(isa);
  const auto stage = kBf16<T> ? kernels.stage_bf16_bf16 : kernels.stage_f32_f32;
  for_each_piece(y, [&](std::int64_t row, std::int64_t first, std::int64_t count, std::int64_t) {
    const std::int64_t at = row * y.block() + first * kBlock;
    StageRow r;
    r.from = source.x.data + at;
    r.with = source.with ? source.with + at : nullptr;
    r.to = y.data + at;
    r.count = count;
    r.scale = row_of(source.scale, row);
    r.shift = row_of(source.shift, row);
    r.with_scale = row_of(source.with_scale, row);
    r.slope = source.slope;
    stage(r);
  });
}

template <class T>
void sum_gradient(const SumGradient<T>& s, Isa isa) {
  const DirectKernels& kernels = direct_kernels(isa);
  const auto pass = kBf16<T> ? kernels.sum_bf16 : kernels.sum_f32;
  const std::int64_t in_row = ceil_div(s.g.voxels(), kPiece), rows = s.g.n * s.g.blocks();
  std::vector<float> partial(static_cast<std::size_t>(rows * in_row * 48));
  const float none[kBlock] = {};
  for_each_piece(s.g, [&](std::int64_t row, std::int64_t first, std::int64_t count, std::int64_t piece) {
    const std::int64_t at = row * s.g.block() + first * kBlock;
    SumRow r;
    r.x = s.sum.x.data + at;
    r.with = s.sum.with + at;
    r.g = s.g.data + at;
    r.count = count;
    r.scale = row_of(s.sum.scale, row);
    r.with_scale = row_of(s.sum.with_scale, row);
    r.shift = row_of(s.sum.shift, row);
    r.rstd = row_of(s.rstd, row);
    r.offset = row_of(s.offset, row);
    r.with_rstd = s.with_rstd ? row_of(s.with_rstd, row) : none;
    r.with_offset = s.with_offset ? row_of(s.with_offset, row) : none;
    r.slope = s.sum.slope;
    r.sums = partial.data() + piece * 48;
    pass(r);
  });
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t c = 0; c < kBlock; ++c) {
      double sum = 0, product = 0, with_product = 0;
      for (std::int64_t piece = row * in_row; piece < (row + 1) * in_row; ++piece) {
        const float* const p = partial.data() + piece * 48 + c;
        sum += static_cast<double>(p[0]);
        product += static_cast<double>(p[16]);
        with_product += static_cast<double>(p[32]);
      }
      const std::int64_t i = (row * kBlock + c) * 2;
      s.sums[i] = sum;
      s.sums[i + 1] = product;
      if (s.with_sums == nullptr) continue;
      s.with_sums[i] = sum;
      s.with_sums[i + 1] = with_product;
    }
}

template <class T>
void accumulate(const Blocked<const T>& x, const Blocked<T>& y) {
  for_each_piece(y, [&](std::int64_t row, std::int64_t first, std::int64_t count, std::int64_t) {
    const std::int64_t at = row * y.block() + first * kBlock;
    for (std::int64_t i = at; i < at + count * kBlock; ++i)
      from_float(to_float(y.data[i]) + to_float(x.data[i]), y.data[i]);
  });
}

template void apply(const Source<float>&, const Blocked<float>&, Isa);
template void apply(const Source<Bfloat16>&, const Blocked<Bfloat16>&, Isa);
template void sum_gradient(const SumGradient<float>&, Isa);
template void sum_gradient(const SumGradient<Bfloat16>&, Isa);
template void accumulate(const Blocked<const float>&, const Blocked<float>&);
template void accumulate(const Blocked<const Bfloat16>&, const Blocked<Bfloat16>&);

}  // namespace nnunet::kernels
