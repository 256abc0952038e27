#include <omp.h>

#include <algorithm>
#include <cstring>

#include "register_tiles.h"
#include "staging.h"

namespace nnunet::kernels {
namespace {

constexpr std::int64_t kStagedBytes = 128 << 10;  // of the fine side, beside the coarse one in the second-level cache
constexpr std::int64_t kItems = 32, kPartialBytes = 32 << 20;
constexpr int kValues = 8;  // of the fine side a register tile takes

}  // namespace

// Work: (slab of tiles) x (one or two blocks of the coarse side) x (a block of the fine side). A slab's sums are added
// tile after tile, the slabs' at the end: an order that the shape alone decides.
template <class T>
struct DirectGradient<T>::Plan {
  static constexpr bool kBf16 = std::is_same_v<T, Bfloat16>;
  ConvShape shape;
  DirectKernels kernels;
  std::vector<SideBlock> fine_blocks, coarse_blocks;
  std::int64_t pitch = 16, groups = 0, slabs = 1;
  Sizes3 tile{}, tiles{}, box{};
  std::unique_ptr<Staging> fine_staging, coarse_staging;
  std::vector<std::int64_t> offsets;  // of (tap, lane) in the staged box, padded to a multiple of kValues
  std::vector<float> partial;         // (slab, group, fine block, value, 16 x blocks)

  Plan(const ConvShape& s, Isa isa);
  Sizes3 staged_size(const Sizes3& positions) const;
  std::int64_t lanes() const { return pitch == 4 ? shape.fine.channels : 16; }
  std::int64_t values() const { return static_cast<std::int64_t>(offsets.size()); }
  std::int64_t cell() const { return values() * 16 * kernels.group; }
  std::int64_t group_blocks(std::int64_t group) const {
    return std::min<std::int64_t>(kernels.group,
                                  static_cast<std::int64_t>(coarse_blocks.size()) - group * kernels.group);
  }
  std::int64_t scratch_bytes() const {
    return ceil_div(fine_staging->block_step() * 4, 64) * 64 + kernels.group * coarse_staging->block_step() * 4;
  }
  void add_tile(std::int64_t place, std::int64_t group, std::int64_t block, const AnyInput& fine,
                const AnyInput& coarse, float* sums, float* scratch) const;
  void run(const AnyInput& fine, const AnyInput& coarse, float* gradient, ConvWorkspace& workspace);
  void unpack(std::int64_t group, std::int64_t block, const float* sums, float* gradient) const;
};

template <class T>
DirectGradient<T>::Plan::Plan(const ConvShape& s, Isa isa)
    : shape(s), kernels(direct_kernels(isa)), fine_blocks(side_blocks(s.fine)), coarse_blocks(side_blocks(s.coarse)) {
  if (s.fine.plain && s.fine.channels <= 4) pitch = 4;
  groups = ceil_div(static_cast<std::int64_t>(coarse_blocks.size()), kernels.group);
  const auto cells = groups * static_cast<std::int64_t>(fine_blocks.size());
  tile = choose_positions(
      s.coarse.size, s.samples, [&](const Sizes3& t) { return volume(staged_size(t)); }, kStagedBytes / (pitch * 4),
      ceil_div(kItems, cells), 192);
  for (std::size_t a = 0; a < 3; ++a) tiles[a] = ceil_div(s.coarse.size[a], tile[a]);
  box = staged_size(tile);
  fine_staging = std::make_unique<Staging>(s.fine, kBf16, box, pitch, false, kernels);
  coarse_staging = std::make_unique<Staging>(s.coarse, kBf16, tile, 16, false, kernels);
  for (std::int64_t d = 0; d < s.kernel[0]; ++d)
    for (std::int64_t h = 0; h < s.kernel[1]; ++h)
      for (std::int64_t w = 0; w < s.kernel[2]; ++w)
        for (std::int64_t c = 0; c < lanes(); ++c)
          offsets.push_back(d * fine_staging->plane_step() + h * fine_staging->row_step() + w * pitch + c);
  while (offsets.size() % kValues != 0) offsets.push_back(0);
  slabs = std::clamp<std::int64_t>(kItems / cells, 1, s.samples * volume(tiles));
  slabs = std::clamp<std::int64_t>(kPartialBytes / (cells * cell() * 4), 1, slabs);
}

template <class T>
Sizes3 DirectGradient<T>::Plan::staged_size(const Sizes3& positions) const {
  Sizes3 size;
  for (std::size_t a = 0; a < 3; ++a) size[a] = (positions[a] - 1) * shape.stride[a] + shape.kernel[a];
  return size;
}

template <class T>
void DirectGradient<T>::Plan::add_tile(std::int64_t place, std::int64_t group, std::int64_t block, const AnyInput& fine,
                                       const AnyInput& coarse, float* sums, float* scratch) const {
  const std::int64_t in_sample = volume(tiles), sample = place / in_sample, t = place % in_sample;
  const Sizes3 origin{t / (tiles[1] * tiles[2]) * tile[0], t / tiles[2] % tiles[1] * tile[1], t % tiles[2] * tile[2]};
  Sizes3 positions, from;
  for (std::size_t a = 0; a < 3; ++a) {
    positions[a] = std::min(tile[a], shape.coarse.size[a] - origin[a]);
    from[a] = origin[a] * shape.stride[a] - shape.padding[a];
  }
  fine_staging->stage(fine, sample, block, from, staged_size(positions), scratch);
  const std::int64_t blocks = group_blocks(group);
  const SideBlock& first = coarse_blocks[static_cast<std::size_t>(group * kernels.group)];
  const AnySource& source = coarse[first.part];
  const bool as_it_is = !shape.coarse.plain && source.scale == nullptr;
  GradientTile g;
  if (as_it_is) {
    const Sizes3& grid = shape.coarse.size;
    g.coarse = static_cast<const T*>(source.data) + ((sample * first.blocks + first.block) * volume(grid) +
                                                     (origin[0] * grid[1] + origin[1]) * grid[2] + origin[2]) *
                                                        16;
    g.coarse_row_step = grid[2] * 16;
    g.coarse_plane_step = grid[1] * g.coarse_row_step;
    g.coarse_block_step = volume(grid) * 16;
  } else {
    float* const staged = scratch + ceil_div(fine_staging->block_step(), 16) * 16;
    for (std::int64_t b = 0; b < blocks; ++b)
      coarse_staging->stage(coarse, sample, group * kernels.group + b, origin, positions,
                            staged + b * coarse_staging->block_step());
    g.coarse = staged;
    g.coarse_row_step = coarse_staging->row_step();
    g.coarse_plane_step = coarse_staging->plane_step();
    g.coarse_block_step = coarse_staging->block_step();
  }
  g.fine_step = shape.stride[2] * pitch;
  g.fine_row_step = shape.stride[1] * fine_staging->row_step();
  g.fine_plane_step = shape.stride[0] * fine_staging->plane_step();
  g.planes = positions[0];
  g.rows = positions[1];
  g.cols = positions[2];
  const auto call = (as_it_is && kBf16 ? kernels.gradient_bf16 : kernels.gradient_f32)[blocks - 1];
  for (std::int64_t v = 0; v < values(); v += kValues) {
    for (int k = 0; k < kValues; ++k) g.fine[k] = scratch + offsets[static_cast<std::size_t>(v + k)];
    g.out = sums + v * 16 * blocks;
    call(g);
  }
}

template <class T>
void DirectGradient<T>::Plan::unpack(std::int64_t group, std::int64_t block, const float* sums, float* gradient) const {
  const SideBlock& fine = fine_blocks[static_cast<std::size_t>(block)];
  const std::int64_t blocks = group_blocks(group), taps = shape.taps();
  for (std::int64_t b = 0; b < blocks; ++b) {
    const SideBlock& coarse = coarse_blocks[static_cast<std::size_t>(group * kernels.group + b)];
    for (std::int64_t o = 0; o < coarse.channels; ++o)
      for (std::int64_t i = 0; i < fine.channels; ++i) {
        float* const to = gradient + ((coarse.channel + o) * shape.fine.total() + fine.channel + i) * taps;
        for (std::int64_t tap = 0; tap < taps; ++tap) to[tap] = sums[((tap * lanes() + i) * blocks + b) * 16 + o];
      }
  }
}

template <class T>
void DirectGradient<T>::Plan::run(const AnyInput& fine, const AnyInput& coarse, float* gradient,
                                  ConvWorkspace& workspace) {
  const auto fine_count = static_cast<std::int64_t>(fine_blocks.size());
  const std::int64_t cells = groups * fine_count, items = cells * slabs, places = shape.samples * volume(tiles);
  partial.resize(static_cast<std::size_t>(items * cell()));
  const std::int64_t bytes = scratch_bytes();
  workspace.prepare(omp_get_max_threads());
#pragma omp parallel
  {
    auto* const scratch = static_cast<float*>(workspace.get(omp_get_thread_num(), bytes));
#pragma omp for schedule(dynamic)
    for (std::int64_t i = 0; i < items; ++i) {
      const std::int64_t slab = i / cells, place = i % cells;
      float* const sums = partial.data() + i * cell();
      std::fill_n(sums, cell(), 0.0f);
      for (std::int64_t t = places * slab / slabs; t < places * (slab + 1) / slabs; ++t)
        add_tile(t, place / fine_count, place % fine_count, fine, coarse, sums, scratch);
    }
#pragma omp for schedule(dynamic)
    for (std::int64_t place = 0; place < cells; ++place) {
      float* const sums = partial.data() + place * cell();
      for (std::int64_t slab = 1; slab < slabs; ++slab) {
        const float* const more = partial.data() + (slab * cells + place) * cell();
        for (std::int64_t k = 0; k < cell(); ++k) sums[k] += more[k];
      }
      unpack(place / fine_count, place % fine_count, sums, gradient);
    }
  }
}

template <class T>
DirectGradient<T>::DirectGradient(const ConvShape& shape, Isa isa) : plan_(std::make_unique<Plan>(shape, isa)) {}
template <class T>
DirectGradient<T>::~DirectGradient() = default;
template <class T>
DirectGradient<T>::DirectGradient(DirectGradient&&) noexcept = default;
template <class T>
DirectGradient<T>& DirectGradient<T>::operator=(DirectGradient&&) noexcept = default;

template <class T>
std::int64_t DirectGradient<T>::bytes() const {
  return static_cast<std::int64_t>(plan_->partial.size() * sizeof(float));
}
template <class T>
void DirectGradient<T>::run(const Input<T>& fine, const Input<T>& coarse, float* gradient, ConvWorkspace& workspace) {
  plan_->run(any_input(fine), any_input(coarse), gradient, workspace);
}
template <class T>
void DirectGradient<T>::run(const float* fine, const Input<T>& coarse, float* gradient, ConvWorkspace& workspace) {
  plan_->run(any_input(fine), any_input(coarse), gradient, workspace);
}
template <class T>
void DirectGradient<T>::run(const Input<T>& fine, const float* coarse, float* gradient, ConvWorkspace& workspace) {
  plan_->run(any_input(fine), any_input(coarse), gradient, workspace);
}

template class DirectGradient<float>;
template class DirectGradient<Bfloat16>;

}  // namespace nnunet::kernels
