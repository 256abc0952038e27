#include "winograd_common.h"

#include <algorithm>
#include <cstring>

#include "nnunet/core/error.h"

namespace nnunet::kernels {

const WinogradStages& winograd_stages(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512_bf16) return winograd_avx512_bf16;
  if (isa == Isa::avx512) return winograd_avx512;
  if (isa == Isa::avx2) return winograd_avx2;
#endif
  static_cast<void>(isa);
  return winograd_portable;
}

void refuse_winograd(const char* why) {
  throw Error("Winograd convolution", why, "Use a direct convolution or another plan.");
}

void check_winograd(const WinogradShape& s) {
  if (s.kernel_d != 1 && s.kernel_d != 3) refuse_winograd("the kernel's depth is neither 1 nor 3");
  if (s.inputs[0] < 1 || s.inputs[1] < 0 || s.outputs[0] < 1 || s.outputs[1] < 0)
    refuse_winograd("there are no channels");
}

std::vector<ChannelBlock> channel_blocks(const std::int64_t (&channels)[2]) {
  std::vector<ChannelBlock> blocks;
  for (int t = 0; t < 2; ++t)
    for (std::int64_t b = 0; b < blocks_of(channels[t]); ++b)
      blocks.push_back({t, b, (t == 0 ? 0 : channels[0]) + b * kBlock, std::min(kBlock, channels[t] - b * kBlock)});
  return blocks;
}

Cut cut_into_boxes(std::int64_t samples, const std::array<std::int64_t, 3>& size, const Axes& axes, std::int64_t most) {
  Cut best;
  double least = 0;
  best.tiles[0] = samples;
  for (std::size_t a = 0; a < 3; ++a) best.tiles[a + 1] = ceil_div(size[a], axes[a]->outputs);
  const auto tiles = best.tiles;
  for (std::int64_t d = 1; d <= std::min(tiles[1], most); ++d)
    for (std::int64_t h = 1; h <= std::min(tiles[2], most / d); ++h) {
      std::array<std::int64_t, 4> box{1, d, h, std::min(tiles[3], most / (d * h))}, boxes{};
      double voxels = 1;  // read by all boxes of a sample
      for (std::size_t a = 1; a < 4; ++a) {
        boxes[a] = ceil_div(tiles[a], box[a]);
        box[a] = ceil_div(tiles[a], boxes[a]);
        const WinogradAxis& axis = *axes[a - 1];
        // A line's ends cost more than its voxels.
        const std::int64_t more = a == 3 ? 4 : 0;
        voxels *= static_cast<double>(boxes[a] * (box[a] * axis.outputs + axis.taps - 1 + more));
      }
      const std::int64_t count = boxes[1] * boxes[2] * boxes[3];
      if (count == 1) box[0] = std::clamp<std::int64_t>(most / (box[1] * box[2] * box[3]), 1, samples);
      boxes[0] = ceil_div(samples, box[0]);
      box[0] = ceil_div(samples, boxes[0]);
      // The matrix product of a tile costs as much as so many voxels; its rows are taken twelve at a time.
      const double cost = voxels * static_cast<double>(samples) +
                          40.0 * static_cast<double>(round_up(box[0] * box[1] * box[2] * box[3], 4) * count * boxes[0]);
      if (best.box[0] != 0 && cost >= least) continue;
      least = cost;
      best.box = box;
      best.boxes = boxes;
    }
  return best;
}

namespace {

TileBox box_of(const std::array<std::int64_t, 4>& tiles, const Axes& axes, int tile_multiple) {
  TileBox b;
  b.samples = tiles[0];
  b.d = tiles[1];
  b.h = tiles[2];
  b.w = tiles[3];
  b.plane_h = b.h * axes[1]->outputs;
  b.plane_w = b.w * axes[2]->outputs;
  b.lines = b.plane_h + axes[1]->taps - 1;
  b.line = b.plane_w + axes[2]->taps - 1;
  b.padded = round_up(b.tiles(), tile_multiple);
  return b;
}

}  // namespace

Place place_of(const Cut& cut, std::int64_t index, const Axes& axes, int tile_multiple) {
  std::array<std::int64_t, 4> at{}, tiles{};
  for (std::size_t a = 4; a-- > 0; index /= cut.boxes[a]) {
    at[a] = index % cut.boxes[a] * cut.box[a];
    tiles[a] = std::min(cut.box[a], cut.tiles[a] - at[a]);
  }
  Place p;
  p.sample = at[0];
  for (std::size_t a = 0; a < 3; ++a) p.start[a] = at[a + 1] * axes[a]->outputs;
  p.box = box_of(tiles, axes, tile_multiple);
  return p;
}

TileBox largest_box(const Cut& cut, const Axes& axes, int tile_multiple) {
  return box_of(cut.box, axes, tile_multiple);
}

template <class T>
void stage_block(const Source<T>& source, std::int64_t block, const Place& place, const StagedSize& size,
                 const LineStages<T>& stages, float* to) {
  const auto& x = source.x;
  const auto clear = [](float* from, std::int64_t voxels) {
    if (voxels > 0) std::memset(from, 0, static_cast<std::size_t>(voxels * kBlock) * sizeof(float));
  };
  const std::int64_t first = place.start[2] - size.before[2];
  const std::int64_t begin = std::max<std::int64_t>(first, 0), end = std::min(first + size.line, x.w);
  const std::int64_t left = begin - first, count = end - begin, right = size.line - left - count;
  for (std::int64_t s = 0; s < place.box.samples; ++s) {
    const std::int64_t n = place.sample + s;
    const T* const from = x.at(n, block);
    const T* const with = source.with == nullptr ? nullptr : source.with + (from - x.data);
    LineIn f;
    if (source.scale != nullptr) {
      const std::int64_t row = (n * x.blocks() + block) * kBlock;
      f = {source.scale + row, source.shift + row, with == nullptr ? nullptr : source.with_scale + row, source.slope};
    }
    for (std::int64_t i = 0; i < size.planes; ++i)
      for (std::int64_t j = 0; j < size.lines; ++j, to += size.line * kBlock) {
        const std::int64_t z = place.start[0] + i - size.before[0], y = place.start[1] + j - size.before[1];
        if (z < 0 || z >= x.d || y < 0 || y >= x.h) {
          clear(to, size.line);
          continue;
        }
        const std::int64_t at = ((z * x.h + y) * x.w + begin) * kBlock;
        // The lines are too short for the processor to see the next ones coming.
        constexpr std::int64_t kAhead = 4, kLine = 64 / static_cast<std::int64_t>(sizeof(T));
        for (std::int64_t k = 0; k < count * kBlock; k += kLine) __builtin_prefetch(from + at + kAhead * x.row() + k);
        clear(to, left);
        stages.in(from + at, with == nullptr ? nullptr : with + at, to + left * kBlock, count, f);
        clear(to + (left + count) * kBlock, right);
      }
  }
}
template void stage_block(const Source<float>&, std::int64_t, const Place&, const StagedSize&, const LineStages<float>&,
                          float*);
template void stage_block(const Source<Bfloat16>&, std::int64_t, const Place&, const StagedSize&,
                          const LineStages<Bfloat16>&, float*);

}  // namespace nnunet::kernels
