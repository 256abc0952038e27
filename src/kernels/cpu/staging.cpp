#include "staging.h"

#include <algorithm>

namespace nnunet::kernels {
namespace {

constexpr std::int64_t kAhead = 2;  // lines

}  // namespace

std::vector<SideBlock> side_blocks(const ConvSide& side) {
  std::vector<SideBlock> result;
  std::int64_t first = 0;
  for (std::size_t part = 0; part < 2; ++part) {
    const std::int64_t channels = part == 0 ? side.channels : side.second_channels, blocks = blocks_of(channels);
    for (std::int64_t b = 0; b < blocks; ++b)
      result.push_back({part, b, blocks, first + b * 16, std::min<std::int64_t>(16, channels - b * 16)});
    first += channels;
  }
  return result;
}

Staging::Staging(const ConvSide& side, bool from_bf16, const Sizes3& box, std::int64_t pitch, bool bf16,
                 const DirectKernels& kernels)
    : side_(side),
      blocks_(side_blocks(side)),
      box_(box),
      pitch_(pitch),
      from_bf16_(from_bf16),
      bf16_(bf16),
      row_(!from_bf16 ? kernels.stage_f32_f32 : (bf16 ? kernels.stage_bf16_bf16 : kernels.stage_bf16_f32)) {}

void Staging::stage(const AnyInput& inputs, std::int64_t sample, std::int64_t block, const Sizes3& origin,
                    const Sizes3& size, void* to) const {
  const SideBlock& at = blocks_[static_cast<std::size_t>(block)];
  const AnySource& input = inputs[at.part];
  const Sizes3& grid = side_.size;
  const std::int64_t bytes = element_bytes(), from_bytes = from_bf16_ ? 2 : 4;
  const std::int64_t statistics = (sample * at.blocks + at.block) * 16;
  const std::int64_t skipped = side_.plain ? sample * side_.channels * volume(grid) * 4
                                           : (sample * at.blocks + at.block) * volume(grid) * 16 * from_bytes;
  const auto* const first = static_cast<const char*>(input.data) + skipped;
  const auto* const with = static_cast<const char*>(input.with);
  StageRow row;
  row.scale = input.scale ? input.scale + statistics : nullptr;
  row.shift = input.shift ? input.shift + statistics : nullptr;
  row.with_scale = input.with_scale ? input.with_scale + statistics : nullptr;
  row.slope = input.slope;
  const std::int64_t from = std::clamp<std::int64_t>(origin[2], 0, grid[2]),
                     end = std::clamp<std::int64_t>(origin[2] + size[2], 0, grid[2]);
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h) {
      const std::int64_t z = origin[0] + d, y = origin[1] + h;
      auto* const target = static_cast<char*>(to) + (d * plane_step() + h * row_step()) * bytes;
      const bool inside = z >= 0 && z < grid[0] && y >= 0 && y < grid[1] && end > from;
      row.count = inside ? end - from : 0;
      row.before = inside ? from - origin[2] : size[2];
      row.after = size[2] - row.before - row.count;
      const std::int64_t start = inside ? (z * grid[1] + y) * grid[2] + from : 0;
      if (side_.plain) {
        stage_plain(reinterpret_cast<const float*>(first) + start, at, row.before, row.count, row.after,
                    reinterpret_cast<float*>(target));
        continue;
      }
      // The lines are too short for the processor to foresee where the next ones begin.
      const char* const ahead = first + (start + kAhead * grid[2]) * 16 * from_bytes;
      if (inside && y + kAhead < grid[1])
        for (std::int64_t b = 0; b < row.count * 16 * from_bytes; b += 64) __builtin_prefetch(ahead + b);
      row.from = first + start * 16 * from_bytes;
      row.with = with ? with + skipped + start * 16 * from_bytes : nullptr;
      row.to = target;
      row_(row);
    }
}

void Staging::stage_plain(const float* from, const SideBlock& block, std::int64_t before, std::int64_t count,
                          std::int64_t after, float* to) const {
  std::fill_n(to, before * pitch_, 0.0f);
  to += before * pitch_;
  std::fill_n(to, (count + after) * pitch_, 0.0f);
  const std::int64_t voxels = volume(side_.size);
  for (std::int64_t c = 0; c < block.channels; ++c) {
    const float* const plane = from + (block.channel + c) * voxels;
    for (std::int64_t v = 0; v < count; ++v) to[v * pitch_ + c] = plane[v];
  }
}

}  // namespace nnunet::kernels
