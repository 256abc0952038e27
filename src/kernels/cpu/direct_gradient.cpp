#include <omp.h>

#include <algorithm>
#include <cstring>

#include "register_tiles.h"
#include "shared_tasks.h"
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
  const DirectKernels& kernels;
  std::vector<SideBlock> fine_blocks, coarse_blocks;
  std::int64_t pitch = 16, groups = 0, slabs = 1;
  bool pairs = false;  // neighbouring positions are multiplied together, in bf16
  /// A side's staged box, 32 bits an element: float32, or pairs of bf16. These come in a version for each tap along the
  /// rows, so that the positions of a pair lie side by side.
  struct Side {
    std::int64_t versions = 1, row = 0, plane = 0, version = 0, block = 0;  // elements from one to the next
    std::int64_t pairs = 0, step = 1;
  } fine, coarse;
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
  std::int64_t scratch_bytes() const { return (fine_floats() + kernels.group * coarse.block + row_floats()) * 4; }
  std::int64_t fine_floats() const { return ceil_div(fine.block, 16) * 16; }
  std::int64_t row_floats() const { return pairs ? box[2] * 16 : 0; }
  void stage(const Side& side, const Staging& staging, const AnyInput& from, std::int64_t sample, std::int64_t block,
             const Sizes3& origin, const Sizes3& size, float* to, float* row) const;
  void add_tile(std::int64_t place, std::int64_t group, std::int64_t block, const AnyInput& fine_input,
                const AnyInput& coarse_input, float* sums, float* scratch) const;
  void run(const AnyInput& fine_input, const AnyInput& coarse_input, float* gradient, ConvWorkspace& workspace);
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
  pairs = kBf16 && kernels.dot_bf16 && !s.fine.plain;
  const auto side = [&](const Sizes3& size, std::int64_t width, std::int64_t versions, std::int64_t step) {
    Side r;
    r.versions = versions;
    r.pairs = ceil_div(tile[2], 2);
    r.step = step;
    r.row = pairs ? r.pairs * 16 : size[2] * width;
    r.plane = size[1] * r.row;
    r.version = size[0] * r.plane;
    r.block = r.versions * r.version;
    return r;
  };
  fine = side(box, pitch, pairs ? s.kernel[2] : 1, s.stride[2]);
  coarse = side(tile, 16, 1, 1);
  const auto staged = [&](const Sizes3& size) { return pairs ? Sizes3{1, 1, size[2]} : size; };
  fine_staging = std::make_unique<Staging>(s.fine, kBf16, staged(box), pitch, false, kernels);
  coarse_staging = std::make_unique<Staging>(s.coarse, kBf16, staged(tile), 16, false, kernels);
  for (std::int64_t d = 0; d < s.kernel[0]; ++d)
    for (std::int64_t h = 0; h < s.kernel[1]; ++h)
      for (std::int64_t w = 0; w < s.kernel[2]; ++w)
        for (std::int64_t c = 0; c < lanes(); ++c)
          offsets.push_back(d * fine.plane + h * fine.row + w * (pairs ? fine.version : pitch) + c);
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
void DirectGradient<T>::Plan::stage(const Side& side, const Staging& staging, const AnyInput& from, std::int64_t sample,
                                    std::int64_t block, const Sizes3& origin, const Sizes3& size, float* to,
                                    float* row) const {
  if (!pairs) return staging.stage(from, sample, block, origin, size, to);
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h) {
      staging.stage(from, sample, block, {origin[0] + d, origin[1] + h, origin[2]}, {1, 1, size[2]}, row);
      for (std::int64_t v = 0; v < side.versions; ++v)
        kernels.pair_row(row + v * 16,
                         reinterpret_cast<std::uint32_t*>(to + v * side.version + d * side.plane + h * side.row),
                         side.pairs, side.step, size[2] - v);
    }
}

template <class T>
void DirectGradient<T>::Plan::add_tile(std::int64_t place, std::int64_t group, std::int64_t block,
                                       const AnyInput& fine_input, const AnyInput& coarse_input, float* sums,
                                       float* scratch) const {
  const std::int64_t in_sample = volume(tiles), sample = place / in_sample, t = place % in_sample;
  const Sizes3 origin{t / (tiles[1] * tiles[2]) * tile[0], t / tiles[2] % tiles[1] * tile[1], t % tiles[2] * tile[2]};
  Sizes3 positions, from;
  for (std::size_t a = 0; a < 3; ++a) {
    positions[a] = std::min(tile[a], shape.coarse.size[a] - origin[a]);
    from[a] = origin[a] * shape.stride[a] - shape.padding[a];
  }
  const std::int64_t blocks = group_blocks(group);
  float* const staged = scratch + fine_floats();
  float* const row = staged + kernels.group * coarse.block;
  stage(fine, *fine_staging, fine_input, sample, block, from, staged_size(positions), scratch, row);
  const SideBlock& first = coarse_blocks[static_cast<std::size_t>(group * kernels.group)];
  const AnySource& source = coarse_input[first.part];
  const bool as_it_is = !pairs && !shape.coarse.plain && shape.coarse.second_channels == 0 && source.scale == nullptr;
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
    for (std::int64_t b = 0; b < blocks; ++b)
      stage(coarse, *coarse_staging, coarse_input, sample, group * kernels.group + b, origin, positions,
            staged + b * coarse.block, row);
    g.coarse = staged;
    g.coarse_row_step = coarse.row;
    g.coarse_plane_step = coarse.plane;
    g.coarse_block_step = coarse.block;
  }
  g.fine_step = pairs ? 16 : shape.stride[2] * pitch;
  g.fine_row_step = shape.stride[1] * fine.row;
  g.fine_plane_step = shape.stride[0] * fine.plane;
  g.planes = positions[0];
  g.rows = positions[1];
  g.cols = pairs ? ceil_div(positions[2], 2) : positions[2];
  const auto call = (pairs               ? kernels.gradient_pairs
                     : as_it_is && kBf16 ? kernels.gradient_bf16
                                         : kernels.gradient_f32)[blocks - 1];
  for (std::int64_t v = 0; v < values(); v += kValues) {
    for (int k = 0; k < kValues; ++k) g.fine[k] = scratch + offsets[static_cast<std::size_t>(v + k)];
    g.out = sums + v * 16 * blocks;
    call(g);
  }
}

template <class T>
void DirectGradient<T>::Plan::unpack(std::int64_t group, std::int64_t block, const float* sums, float* gradient) const {
  const SideBlock& in = fine_blocks[static_cast<std::size_t>(block)];
  const std::int64_t blocks = group_blocks(group), taps = shape.taps();
  for (std::int64_t b = 0; b < blocks; ++b) {
    const SideBlock& out = coarse_blocks[static_cast<std::size_t>(group * kernels.group + b)];
    for (std::int64_t o = 0; o < out.channels; ++o)
      for (std::int64_t i = 0; i < in.channels; ++i) {
        float* const to = gradient + ((out.channel + o) * shape.fine.total() + in.channel + i) * taps;
        for (std::int64_t tap = 0; tap < taps; ++tap) to[tap] = sums[((tap * lanes() + i) * blocks + b) * 16 + o];
      }
  }
}

template <class T>
void DirectGradient<T>::Plan::run(const AnyInput& fine_input, const AnyInput& coarse_input, float* gradient,
                                  ConvWorkspace& workspace) {
  const auto fine_count = static_cast<std::int64_t>(fine_blocks.size());
  const std::int64_t cells = groups * fine_count, items = cells * slabs, places = shape.samples * volume(tiles);
  partial.resize(static_cast<std::size_t>(items * cell()));
  const std::int64_t bytes = scratch_bytes();
  workspace.prepare(omp_get_max_threads());
  SharedTasks tasks(items, omp_get_max_threads());
#pragma omp parallel
  {
    auto* const scratch = static_cast<float*>(workspace.get(omp_get_thread_num(), bytes));
    tasks.work(omp_get_thread_num(), [&](std::int64_t i) {
      const std::int64_t slab = i / cells, place = i % cells;
      float* const sums = partial.data() + i * cell();
      std::fill_n(sums, cell(), 0.0f);
      for (std::int64_t t = places * slab / slabs; t < places * (slab + 1) / slabs; ++t)
        add_tile(t, place / fine_count, place % fine_count, fine_input, coarse_input, sums, scratch);
    });
#pragma omp barrier
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
