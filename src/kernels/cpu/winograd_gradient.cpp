#include <omp.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/kernels/winograd.h"
#include "shared_tasks.h"
#include "winograd_common.h"

// y = At ((G g) * (Bt x)) for each tile, so dg = Gt sum over tiles of (A dy) * (Bt x): a matrix product for each point,
// (input channels, tiles) times (tiles, output channels), and one transform at the end. A task takes the boxes of one
// group through it for some input and some output channels; groups are added in their order.
namespace nnunet::kernels {
namespace {

constexpr std::int64_t kInBlocks = 4, kOutBlocks = 2;  ///< of a task: its sums stay in the second-level cache
constexpr std::int64_t kBoxTiles = 48, kTasks = 16;

/// (before, 4, after) to (before, 3, after): transposed G, (1, 1/2, 1/2, 0), (0, 1/2, -1/2, 0), (0, 1/2, 1/2, 1).
template <int kBefore, int kAfter>
NNUNET_INLINE void along_axis(const float* from, float* to) {
  for (int b = 0; b < kBefore; ++b, from += 4 * kAfter, to += 3 * kAfter)
    for (int i = 0; i < kAfter; ++i) {
      const float sum = 0.5f * (from[kAfter + i] + from[2 * kAfter + i]);
      to[i] = from[i] + sum;
      to[kAfter + i] = 0.5f * (from[kAfter + i] - from[2 * kAfter + i]);
      to[2 * kAfter + i] = sum + from[3 * kAfter + i];
    }
}
template <int kPlanes>
NNUNET_INLINE void planes_to_taps(const float* points, float* taps) {
  alignas(64) float w[kPlanes * 4 * 3 * kBlock];
  along_axis<kPlanes * 4, kBlock>(points, w);
  along_axis<kPlanes, 3 * kBlock>(w, taps);
}

/// The sums of sixteen output channels, `point` elements from one of (d, h, w) points to the next, added over the
/// groups, to (taps, 16).
constexpr Vectorized to_taps = [](const float* sums, std::int64_t point, std::int64_t groups, std::int64_t group,
                                  int planes, float* taps) NNUNET_INLINED {
  alignas(64) float u[64 * kBlock] = {}, h[4 * 9 * kBlock];
  for (std::int64_t g = 0; g < groups; ++g)
    for (int p = 0; p < planes * 16; ++p)
      for (int k = 0; k < kBlock; ++k) u[p * kBlock + k] += sums[g * group + p * point + k];
  if (planes == 1) return planes_to_taps<1>(u, taps);
  planes_to_taps<4>(u, h);
  along_axis<1, 9 * kBlock>(h, taps);
};

}  // namespace

template <class T>
struct WinogradGradient<T>::Impl {
  WinogradShape shape;
  const WinogradStages* stages;
  Axes axes;
  std::vector<ChannelBlock> in, out;
  std::int64_t in_parts, out_parts;
  bool half;  ///< multiplies bfloat16

  Impl(const WinogradShape& s, Isa isa)
      : shape(s),
        stages(&winograd_stages(isa)),
        axes{&winograd_axis(s.kernel_d == 1 ? 1 : 2), &winograd_axis(2), &winograd_axis(2)},
        in(channel_blocks(s.inputs)),
        out(channel_blocks(s.outputs)),
        in_parts(ceil_div(in_blocks(), kInBlocks)),
        out_parts(ceil_div(out_blocks(), kOutBlocks)),
        half(sizeof(T) == 2 && stages->bf16) {}

  static constexpr std::int64_t kPoints = 16;  // of a plane
  std::int64_t in_blocks() const { return static_cast<std::int64_t>(in.size()); }
  std::int64_t out_blocks() const { return static_cast<std::int64_t>(out.size()); }
  Cut cut(const Input<T>& x) const {
    const auto& v = x.first.x;
    return cut_into_boxes(v.n, {v.d, v.h, v.w}, axes, kBoxTiles);
  }
  std::int64_t parts() const { return in_parts * out_parts; }
  std::int64_t groups(const Cut& c) const { return std::min(c.count(), ceil_div(kTasks, parts())); }
  std::int64_t in_of(std::int64_t part) const { return std::min(kInBlocks, in_blocks() - part * kInBlocks); }
  /// Sums of a task: points, input channels, output channels.
  std::int64_t rows() const { return std::min(kInBlocks, in_blocks()) * kBlock; }
  std::int64_t columns() const { return std::min(kOutBlocks, round_up(out_blocks(), stages->out_blocks)) * kBlock; }
  std::int64_t point() const { return rows() * columns() + kPad / 4; }
  std::int64_t sums() const { return axes[0]->points * kPoints * point(); }

  StagedSize x_size(const TileBox& b) const {
    return {b.d * axes[0]->outputs + axes[0]->taps - 1, b.lines, b.line, {axes[0]->taps / 2, 1, 1}};
  }
  StagedSize dy_size(const TileBox& b) const { return {b.d * axes[0]->outputs, b.plane_h, b.plane_w, {0, 0, 0}}; }
  TileBox with_matrix(TileBox b, std::int64_t blocks) const {
    b.matrix = blocks * b.padded * kBlock + kPad / (half ? 2 : 4);
    return b;
  }

  struct Buffers {
    float *x, *dy, *combined;
    void *tiles, *gradients;  // of the points of a plane: float, or Bfloat16
  };
  Buffers buffers(Room& room, const TileBox& b) const {
    const StagedSize x = x_size(b), dy = dy_size(b);
    Buffers f{};
    f.x = room.take<float>(kInBlocks * b.samples * x.planes * x.plane());
    f.dy = room.take<float>(kOutBlocks * b.samples * dy.planes * dy.plane());
    f.combined = room.take<float>(b.planes() * x.plane());
    const std::int64_t bytes = half ? 2 : 4;
    f.tiles = room.take<std::byte>(kPoints * with_matrix(b, kInBlocks).matrix * bytes);
    f.gradients = room.take<std::byte>(kPoints * with_matrix(b, kOutBlocks).matrix * bytes);
    room.take<std::byte>(kPad);
    return f;
  }

  void stage(const Input<T>& x, const std::vector<ChannelBlock>& blocks, std::int64_t first, std::int64_t count,
             const Place& place, const StagedSize& size, float* to) const {
    for (std::int64_t c = first; c < first + count; ++c) {
      const ChannelBlock& b = blocks[static_cast<std::size_t>(c)];
      stage_block(b.tensor == 0 ? x.first : x.second, b.block, place, size, line_stages<T>(*stages), to);
      to += place.box.samples * size.planes * size.plane();
    }
  }

  /// One point along d of `count` staged blocks; `values(i)`: factor of plane i.
  template <class U, class Values>
  void transform(const float* staged, std::int64_t count, const TileBox& b, const StagedSize& size, int planes,
                 const Values& values, float* combined, U* to,
                 void (*transform_block)(const float*, U*, const TileBox&)) const {
    const Combination terms = combination_of(values, planes, size.plane());
    for (std::int64_t c = 0; c < count; ++c) {
      const float* from = staged + c * b.samples * size.planes * size.plane();
      if (axes[0]->points > 1) {
        for (std::int64_t z = 0; z < b.planes(); ++z)
          stages->combine(from + (z / b.d * size.planes + z % b.d * axes[0]->outputs) * size.plane(),
                          combined + z * size.plane(), size.plane(), terms.offset, terms.factor, terms.terms);
        from = combined;
      }
      transform_block(from, to + c * b.padded * kBlock, b);
    }
  }

  /// Adds a box to the sums of one task. U: what is multiplied.
  template <class U>
  void add(const Input<T>& x, const Input<T>& dy, const Place& place, std::int64_t in_part, std::int64_t out_part,
           const Buffers& f, float* sums) const {
    const std::int64_t first = in_part * kInBlocks, count = in_of(in_part), first_out = out_part * kOutBlocks,
                       count_out = std::min(kOutBlocks, out_blocks() - first_out);
    const TileBox b = with_matrix(place.box, kInBlocks), g = with_matrix(place.box, kOutBlocks);
    stage(x, in, first, count, place, x_size(b), f.x);
    stage(dy, out, first_out, count_out, place, dy_size(b), f.dy);
    const GradientStages<U>& loops = gradient_stages<U>(*stages);
    U *const tiles = static_cast<U*>(f.tiles), *const gradients = static_cast<U*>(f.gradients);
    for (int p = 0; p < axes[0]->points; ++p) {
      const auto number = static_cast<std::size_t>(p);
      transform(
          f.x, count, b, x_size(b), axes[0]->points,
          [&](int i) { return axes[0]->bt[number][static_cast<std::size_t>(i)]; }, f.combined, tiles, loops.input);
      transform(
          f.dy, count_out, g, dy_size(b), axes[0]->outputs,
          [&](int i) { return axes[0]->at[static_cast<std::size_t>(i)][number]; }, f.combined, gradients, loops.output);
      for (std::int64_t q = 0; q < kPoints; ++q)
        for (std::int64_t o = 0; o < count_out; o += stages->out_blocks)
          for (std::int64_t c = 0; c < count; ++c)
            loops.accumulate(tiles + q * b.matrix + c * b.padded * kBlock,
                             gradients + q * g.matrix + o * b.padded * kBlock, b.padded, b.tiles(),
                             sums + (p * kPoints + q) * point() + c * kBlock * columns() + o * kBlock, columns());
    }
  }

  /// One input block of the gradient, from the sums of all groups.
  void finish(std::int64_t c, const float* sums, std::int64_t groups, float* dw) const {
    const int taps = axes[0]->taps * 9;
    const ChannelBlock& block = in[static_cast<std::size_t>(c)];
    const std::int64_t inputs = shape.inputs[0] + shape.inputs[1];
    alignas(64) float w[27 * kBlock];
    for (const ChannelBlock& o : out) {
      const std::int64_t number = &o - out.data(), part = c / kInBlocks * out_parts + number / kOutBlocks;
      for (std::int64_t lane = 0; lane < block.count; ++lane) {
        const float* const from = sums + part * groups * this->sums() + (c % kInBlocks * kBlock + lane) * columns() +
                                  number % kOutBlocks * kBlock;
        to_taps(from, point(), groups, this->sums(), axes[0]->points, w);
        for (std::int64_t k = 0; k < o.count; ++k) {
          float* const to = dw + ((o.first + k) * inputs + block.first + lane) * taps;
          for (int t = 0; t < taps; ++t) to[t] = w[t * kBlock + k];
        }
      }
    }
  }
};

template <class T>
WinogradGradient<T>::WinogradGradient(const WinogradShape& shape, Isa isa) {
  check_winograd(shape);
  impl_ = std::make_unique<Impl>(shape, isa);
}
template <class T>
WinogradGradient<T>::~WinogradGradient() = default;
template <class T>
WinogradGradient<T>::WinogradGradient(WinogradGradient&&) noexcept = default;
template <class T>
WinogradGradient<T>& WinogradGradient<T>::operator=(WinogradGradient&&) noexcept = default;

template <class T>
std::int64_t WinogradGradient<T>::workspace(const Input<T>& x, int threads) const {
  const Impl& m = *impl_;
  const Cut cut = m.cut(x);
  Room each, all;
  m.buffers(each, largest_box(cut, m.axes, m.stages->tile_multiple));
  all.take<std::byte>(each.used() * threads);
  all.take<float>(m.parts() * m.groups(cut) * m.sums());
  return all.used();
}

template <class T>
void WinogradGradient<T>::run(const Input<T>& x, const Input<T>& dy, float* dw, int threads, void* workspace) const {
  const Impl& m = *impl_;
  const Cut cut = m.cut(x);
  const TileBox largest = largest_box(cut, m.axes, m.stages->tile_multiple);
  const std::int64_t groups = m.groups(cut);
  Room each, all(workspace);
  m.buffers(each, largest);
  std::byte* const rooms = all.take<std::byte>(each.used() * threads);
  float* const sums = all.take<float>(m.parts() * groups * m.sums());
  SharedTasks tasks(m.parts() * groups, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    Room room(rooms + each.used() * omp_get_thread_num());
    const auto f = m.buffers(room, largest);
    tasks.work(omp_get_thread_num(), [&](std::int64_t task) {
      const std::int64_t part = task / groups, group = task % groups;
      float* const own = sums + task * m.sums();
      std::memset(own, 0, static_cast<std::size_t>(m.sums()) * sizeof(float));
      for (std::int64_t i = cut.count() * group / groups; i < cut.count() * (group + 1) / groups; ++i) {
        const Place place = place_of(cut, i, m.axes, m.stages->tile_multiple);
        if (m.half)
          m.template add<Bfloat16>(x, dy, place, part / m.out_parts, part % m.out_parts, f, own);
        else
          m.template add<float>(x, dy, place, part / m.out_parts, part % m.out_parts, f, own);
      }
    });
#pragma omp barrier
#pragma omp for schedule(dynamic)
    for (std::int64_t c = 0; c < m.in_blocks(); ++c) m.finish(c, sums, groups, dw);
  }
}

template class WinogradGradient<float>;
template class WinogradGradient<Bfloat16>;

}  // namespace nnunet::kernels
