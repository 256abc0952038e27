#include "nnunet/kernels/winograd.h"

#include <omp.h>

#include <algorithm>
#include <vector>

#include "nnunet/kernels/aligned.h"
#include "shared_tasks.h"
#include "winograd_common.h"
#include "winograd_statistics.h"
#include "winograd_weights.h"

// A thread carries a box of tiles through all stages, so that nothing of the transformed data reaches memory: staged
// input (all channels) -> for each point along d: combined planes, points along h and w, matrix products, back along h
// and w, onto the outputs -> written.
namespace nnunet::kernels {
namespace {

void check(const WinogradPlan& p, bool bf16_stages) {
  for (const int t : p.tile)
    if (t != 2 && t != 4) refuse_winograd("a tile has neither 2 nor 4 outputs");
  if (p.bf16_products && !bf16_stages) refuse_winograd("this processor does not multiply bfloat16");
}

}  // namespace

template <class T>
struct WinogradConv<T>::Impl {
  WinogradShape shape;
  Axes axes;
  const WinogradStages* stages;
  bool half;  ///< multiplies bfloat16
  std::vector<ChannelBlock> in, out;
  std::int64_t points = 0;  ///< of a plane: h and w
  std::int64_t groups = 0;  ///< of output blocks that are multiplied together
  WinogradWeights weights;

  Impl(const WinogradShape& s, const WinogradPlan& p)
      : shape(s),
        axes{&winograd_axis(s.kernel_d == 1 ? 1 : p.tile[0]), &winograd_axis(p.tile[1]), &winograd_axis(p.tile[2])},
        stages(&winograd_stages(p.isa)),
        half(p.bf16_products),
        in(channel_blocks(s.inputs)),
        out(channel_blocks(s.outputs)),
        points(axes[1]->points * axes[2]->points),
        groups(ceil_div(out_blocks(), stages->out_blocks)),
        weights(in, out, axes, half, stages->out_blocks) {}

  std::int64_t in_blocks() const { return static_cast<std::int64_t>(in.size()); }
  std::int64_t out_blocks() const { return static_cast<std::int64_t>(out.size()); }

  /// What the transformed tiles of a plane of points may take of a core's second-level cache.
  Cut cut(const Input<T>& x) const {
    constexpr std::int64_t kCache = 400 * 1024, kLeast = 48, kMost = 96;
    const std::int64_t tile = points * in_blocks() * kBlock * (half ? 2 : 4);
    const auto& v = x.first.x;
    return cut_into_boxes(v.n, {v.d, v.h, v.w}, axes, std::clamp(kCache / tile / 12 * 12, kLeast, kMost));
  }
  TileBox with_strides(TileBox b) const {
    b.matrix = in_blocks() * b.padded * kBlock + kPad / (half ? 2 : 4);
    return b;
  }
  StagedSize staged_size(const TileBox& b) const {
    const std::int64_t before = axes[0]->taps / 2;
    return {b.d * axes[0]->outputs + axes[0]->taps - 1, b.lines, b.line, {before, 1, 1}};
  }
  std::int64_t product(const TileBox& b) const { return stages->out_blocks * b.padded * kBlock + kPad / 4; }
  std::int64_t result_block(const TileBox& b) const {
    return b.planes() * axes[0]->outputs * b.plane_h * b.plane_w * kBlock;
  }

  struct Buffers {
    float *staged, *combined, *products, *result;
    float* tiles;
    Bfloat16* half_tiles;
  };
  Buffers buffers(Room& room, const TileBox& b) const {
    const StagedSize s = staged_size(b);
    Buffers f{};
    f.staged = room.take<float>(in_blocks() * b.samples * s.planes * s.plane());
    f.combined = room.take<float>(b.planes() * s.plane());
    if (half)
      f.half_tiles = room.take<Bfloat16>(points * b.matrix);
    else
      f.tiles = room.take<float>(points * b.matrix);
    f.products = room.take<float>(points * product(b));
    f.result = room.take<float>(out_blocks() * result_block(b));
    room.take<std::byte>(kPad);  // what begins a thread's room is not a power of two away from the next one's
    return f;
  }

  void stage(const Input<T>& x, const Place& place, float* to) const {
    const StagedSize size = staged_size(place.box);
    for (const ChannelBlock& c : in) {
      stage_block(c.tensor == 0 ? x.first : x.second, c.block, place, size, line_stages<T>(*stages), to);
      to += place.box.samples * size.planes * size.plane();
    }
  }

  /// To the points of a plane, number `p` along d.
  template <class U>
  void transform(int p, const TileBox& b, const Buffers& f, U* tiles) const {
    const StagedSize size = staged_size(b);
    const auto& row = axes[0]->bt[static_cast<std::size_t>(p)];
    const auto terms =
        combination_of([&](int i) { return row[static_cast<std::size_t>(i)]; }, axes[0]->points, size.plane());
    for (std::int64_t c = 0; c < in_blocks(); ++c) {
      const float* from = f.staged + c * b.samples * size.planes * size.plane();
      if (axes[0]->points > 1) {
        for (std::int64_t z = 0; z < b.planes(); ++z)
          stages->combine(from + (z / b.d * size.planes + z % b.d * axes[0]->outputs) * size.plane(),
                          f.combined + z * size.plane(), size.plane(), terms.offset, terms.factor, terms.terms);
        from = f.combined;
      }
      tile_stages<U>(*stages).input[axes[1]->points == 6][axes[2]->points == 6](from, tiles + c * b.padded * kBlock, b);
    }
  }

  template <class U>
  void multiply(int p, std::int64_t group, const TileBox& b, const U* tiles, float* products) const {
    const U* const w = weights.template plane<U>(group, p);
    const std::int64_t matrix = weights.matrix(group);
    const auto product_of = tile_stages<U>(*stages).multiply[weights.blocks(group) - 1];
    for (std::int64_t q = 0; q < points; ++q)
      product_of(tiles + q * b.matrix, in_blocks(), b.padded, w + q * matrix, products + q * product(b));
  }

  void back(int p, std::int64_t group, const TileBox& b, const Buffers& f) const {
    const int steps = axes[0]->outputs;
    float factor[4];
    bool first[4];
    for (int s = 0; s < steps; ++s) {
      const auto& row = axes[0]->at[static_cast<std::size_t>(s)];
      factor[s] = static_cast<float>(row[static_cast<std::size_t>(p)]);
      first[s] = std::all_of(row.begin(), row.begin() + p, [](double v) { return v == 0; });
    }
    const std::int64_t begin = group * stages->out_blocks,
                       end = std::min<std::int64_t>(begin + stages->out_blocks, out_blocks());
    for (std::int64_t c = begin; c < end; ++c)
      stages->output[axes[1]->points == 6][axes[2]->points == 6](f.products + (c - begin) * b.padded * kBlock,
                                                                 product(b), f.result + c * result_block(b), b, factor,
                                                                 first, steps);
  }

  /// The groups [begin, end) of a box.
  template <class U>
  void convolve(const Input<T>& x, const Place& place, std::int64_t begin, std::int64_t end, const Buffers& f,
                U* tiles) const {
    stage(x, place, f.staged);
    for (int p = 0; p < axes[0]->points; ++p) {
      transform(p, place.box, f, tiles);
      for (std::int64_t g = begin; g < end; ++g) {
        multiply(p, g, place.box, tiles, f.products);
        back(p, g, place.box, f);
      }
    }
  }

  void write(const Output<T>& y, std::int64_t block, const Place& place, const float* from, PieceSums* sums) const {
    const TileBox& b = place.box;
    const std::int64_t planes = b.d * axes[0]->outputs;
    const std::int64_t end_d = std::min(planes, y.y.d - place.start[0]),
                       end_h = std::min(b.plane_h, y.y.h - place.start[1]),
                       end_w = std::min(b.plane_w, y.y.w - place.start[2]);
    for (std::int64_t s = 0; s < b.samples; ++s) {
      OutputLines<T> lines(y, place.sample + s, block, line_stages<T>(*stages), from);
      for (std::int64_t z = 0; z < end_d; ++z) {
        for (std::int64_t h = 0; h < end_h; ++h)
          lines.write(from + (z * b.plane_h + h) * b.plane_w * kBlock,
                      ((place.start[0] + z) * y.y.h + place.start[1] + h) * y.y.row() + place.start[2] * kBlock, end_w);
        lines.flush();
      }
      lines.finish(sums + s * out_blocks() * kBlock);
      from += planes * b.plane_h * b.plane_w * kBlock;
    }
  }
};

template <class T>
WinogradConv<T>::WinogradConv(const WinogradShape& shape, const WinogradPlan& plan) {
  check_winograd(shape);
  check(plan, winograd_stages(plan.isa).bf16);
  impl_ = std::make_unique<Impl>(shape, plan);
}
template <class T>
WinogradConv<T>::~WinogradConv() = default;
template <class T>
WinogradConv<T>::WinogradConv(WinogradConv&&) noexcept = default;
template <class T>
WinogradConv<T>& WinogradConv<T>::operator=(WinogradConv&&) noexcept = default;

template <class T>
void WinogradConv<T>::set_weights(const float* w, bool transposed) {
  impl_->weights.set(w, transposed);
}
template <class T>
std::int64_t WinogradConv<T>::weight_bytes() const {
  return impl_->weights.bytes();
}

template <class T>
std::int64_t WinogradConv<T>::workspace(const Input<T>& x, int threads) const {
  const Impl& m = *impl_;
  const Cut cut = m.cut(x);
  Room each, all;
  m.buffers(each, m.with_strides(largest_box(cut, m.axes, m.stages->tile_multiple)));
  all.take<std::byte>(each.used() * threads);
  all.take<PieceSums>(x.first.x.n * cut.boxes[1] * cut.boxes[2] * cut.boxes[3] * m.out_blocks() * kBlock);
  return all.used();
}

template <class T>
void WinogradConv<T>::run(const Input<T>& x, std::span<const Output<T>> y, int threads, void* workspace) const {
  const Impl& m = *impl_;
  const Cut cut = m.cut(x);
  const TileBox largest = m.with_strides(largest_box(cut, m.axes, m.stages->tile_multiple));
  Room each, all(workspace);
  m.buffers(each, largest);
  std::byte* const rooms = all.take<std::byte>(each.used() * threads);
  const std::int64_t pieces = cut.boxes[1] * cut.boxes[2] * cut.boxes[3];  // of a sample
  PieceSums* const sums = all.take<PieceSums>(x.first.x.n * pieces * m.out_blocks() * kBlock);
  // Few boxes: several threads share one, each with some of the output channels.
  const std::int64_t shares = std::clamp<std::int64_t>(ceil_div(3 * threads, cut.count()), 1, m.groups);
  SharedTasks tasks(cut.count() * shares, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    Room room(rooms + each.used() * omp_get_thread_num());
    const auto f = m.buffers(room, largest);
    tasks.work(omp_get_thread_num(), [&](std::int64_t task) {
      const std::int64_t index = task / shares, share = task % shares;
      Place place = place_of(cut, index, m.axes, m.stages->tile_multiple);
      place.box = m.with_strides(place.box);
      const std::int64_t begin = m.groups * share / shares, end = m.groups * (share + 1) / shares;
      if (m.half)
        m.convolve(x, place, begin, end, f, f.half_tiles);
      else
        m.convolve(x, place, begin, end, f, f.tiles);
      // Sums of (piece, sample, channel).
      PieceSums* const piece = sums + (index % pieces * x.first.x.n + place.sample) * m.out_blocks() * kBlock;
      const std::int64_t last = std::min<std::int64_t>(end * m.stages->out_blocks, m.out_blocks());
      for (std::int64_t c = begin * m.stages->out_blocks; c < last; ++c) {
        const ChannelBlock& block = m.out[static_cast<std::size_t>(c)];
        m.write(y[static_cast<std::size_t>(block.tensor)], block.block, place, f.result + c * m.result_block(place.box),
                piece + c * kBlock);
      }
    });
  }
  for (std::size_t c = 0; c < m.out.size(); ++c)
    gather_sums(y[static_cast<std::size_t>(m.out[c].tensor)], m.out[c].block, m.out[c].count,
                sums + static_cast<std::int64_t>(c) * kBlock, pieces, m.out_blocks() * kBlock);
}

template class WinogradConv<float>;
template class WinogradConv<Bfloat16>;

}  // namespace nnunet::kernels
