#include <omp.h>

#include <algorithm>
#include <cmath>

#include "nnunet/kernels/bfloat16.h"
#include "register_tiles.h"
#include "shared_tasks.h"
#include "staging.h"

namespace nnunet::kernels {
namespace {

/// Positions of the result that share their taps: all (to_coarse), or those of one remainder by the stride (to_fine).
struct Phase {
  Sizes3 first{}, count{};                ///< of the result's positions: first + stride * j, j < count
  std::vector<Sizes3> offsets;            ///< input position minus j * step
  std::vector<std::int64_t> kernel_taps;  ///< tap in the standard weights
  std::vector<std::int64_t> staged;       ///< offset in the staged box, elements
};

/// A tensor that is written.
struct AnyWritten {
  void* data = nullptr;
  const float* bias = nullptr;
  bool add = false, summed = false;
  const void* x = nullptr;
  const float *rstd = nullptr, *offset = nullptr, *gamma = nullptr, *beta = nullptr;
  float slope = 1;
};
using AnyOutput = std::array<AnyWritten, 2>;

template <class T>
AnyWritten any_written(const Output<T>& y) {
  const ThroughNorm<T>& t = y.through;
  return {y.y.data, y.bias, y.add,  y.moments != nullptr || t.x != nullptr, t.x, t.rstd, t.offset,
          t.gamma,  t.beta, t.slope};
}

constexpr std::int64_t kStagedBytes = 384 << 10;  // of a core's second-level cache, the rest is for weights
constexpr std::int64_t kItems = 32;               // so many pieces of work where there are enough positions

}  // namespace

template <class T>
struct DirectConv<T>::Plan {
  static constexpr bool kBf16 = std::is_same_v<T, Bfloat16>;
  ConvShape shape;
  const DirectKernels& kernels;
  bool fine_result = false;
  ConvSide in, out;
  std::vector<SideBlock> in_blocks, out_blocks;
  bool bf16 = false;  // staged and multiplied in bf16
  std::int64_t pitch = 16;
  Sizes3 step{}, out_step{}, low{}, range{};  // input positions a j; result's; of the taps' offsets
  std::vector<Phase> phases;
  Sizes3 grid{}, tile{}, tiles{};  // of the j
  std::int64_t groups = 0, splits = 1;
  std::unique_ptr<Staging> staging;
  std::vector<std::int64_t> weight_start;  // (phase, group), bytes
  AlignedBytes weights;
  std::int64_t weight_size = 0;

  Plan(const ConvShape& s, bool to_fine, Isa isa);
  void find_phases();
  void choose_tile();
  std::int64_t lanes() const { return pitch == 4 ? in.channels : 16; }
  std::int64_t group_blocks(std::int64_t group) const {
    return std::min<std::int64_t>(kernels.group, static_cast<std::int64_t>(out_blocks.size()) - group * kernels.group);
  }
  Sizes3 staged_size(const Sizes3& positions) const;
  void pack_group(const float* from, std::size_t phase, std::int64_t group, char* to) const;

  struct Call {
    AnyInput inputs;
    AnyOutput outputs;
    const float* bias = nullptr;  // of a plain result
    float* sums = nullptr;        // (place, blocks, 3, 16) or null
    std::int64_t sample = 0, place = 0;
    Sizes3 origin{}, count{};  // of the tile's j
    const char* staged = nullptr;
    float* result = nullptr;
  };
  std::int64_t scratch_bytes() const;
  void compute(const Phase& phase, const char* weights_of_group, std::int64_t blocks, const Sizes3& count,
               const Call& call) const;
  void store(const Phase& phase, std::int64_t block, const float* result, const Sizes3& count, const Call& call) const;
  void store_plain(const Phase& phase, std::int64_t block, const float* result, const Sizes3& count,
                   const Call& call) const;
  void item(std::int64_t number, Call call, char* scratch) const;
  void begin_sums(std::int64_t block, const float* result, const Call& call) const;
  void finish_sums(const std::vector<float>& partial, const Output<T>& y, std::size_t part) const;
  std::int64_t voxels_of_tile(std::int64_t t) const;
  Sizes3 tile_origin(std::int64_t t) const {
    return {t / (tiles[1] * tiles[2]) * tile[0], t / tiles[2] % tiles[1] * tile[1], t % tiles[2] * tile[2]};
  }
  void run(Call call, const Output<T>* first, const Output<T>* second, ConvWorkspace& workspace) const;
};

template <class T>
DirectConv<T>::Plan::Plan(const ConvShape& s, bool to_fine, Isa isa)
    : shape(s),
      kernels(direct_kernels(isa)),
      fine_result(to_fine),
      in(to_fine ? s.coarse : s.fine),
      out(to_fine ? s.fine : s.coarse),
      in_blocks(side_blocks(in)),
      out_blocks(side_blocks(out)) {
  bf16 = kBf16 && kernels.dot_bf16 && !in.plain;
  for (std::size_t a = 0; a < 3; ++a) {
    step[a] = to_fine ? 1 : s.stride[a];
    out_step[a] = to_fine ? s.stride[a] : 1;
    grid[a] = ceil_div(out.size[a], out_step[a]);
  }
  if (in.plain && in.channels <= 4 && step[2] == 1) pitch = 4;
  groups = ceil_div(static_cast<std::int64_t>(out_blocks.size()), kernels.group);
  find_phases();
  choose_tile();
  staging = std::make_unique<Staging>(in, kBf16, staged_size(tile), pitch, bf16, kernels);
  for (Phase& phase : phases)
    for (const Sizes3& o : phase.offsets)
      phase.staged.push_back((o[0] - low[0]) * staging->plane_step() + (o[1] - low[1]) * staging->row_step() +
                             (o[2] - low[2]) * pitch);
  for (const Phase& phase : phases)
    for (std::int64_t g = 0; g < groups; ++g) {
      weight_start.push_back(weight_size);
      weight_size += static_cast<std::int64_t>(in_blocks.size() * phase.offsets.size()) * lanes() * group_blocks(g) *
                     16 * (bf16 ? 2 : 4);
    }
}

template <class T>
void DirectConv<T>::Plan::find_phases() {
  std::array<std::vector<std::pair<std::int64_t, std::vector<Sizes3>>>, 3> axes;  // first; (tap, offset, -)
  for (std::size_t a = 0; a < 3; ++a)
    for (std::int64_t p = 0; p < out_step[a]; ++p) {
      std::vector<Sizes3> taps;
      for (std::int64_t k = 0; k < shape.kernel[a]; ++k) {
        if (!fine_result) taps.push_back({k, k - shape.padding[a], 0});
        const std::int64_t d = p + shape.padding[a] - k;  // fine position p + stride j is coarse j + d / stride
        if (fine_result && d % shape.stride[a] == 0) taps.push_back({k, d / shape.stride[a], 0});
      }
      axes[a].emplace_back(p, taps);
    }
  low = {INT64_MAX, INT64_MAX, INT64_MAX};
  Sizes3 high{INT64_MIN, INT64_MIN, INT64_MIN};
  for (const auto& [pd, td] : axes[0])
    for (const auto& [ph, th] : axes[1])
      for (const auto& [pw, tw] : axes[2]) {
        Phase phase;
        phase.first = {pd, ph, pw};
        for (std::size_t a = 0; a < 3; ++a)
          phase.count[a] = out.size[a] > phase.first[a] ? ceil_div(out.size[a] - phase.first[a], out_step[a]) : 0;
        for (const auto& d : td)
          for (const auto& h : th)
            for (const auto& w : tw) {
              phase.kernel_taps.push_back((d[0] * shape.kernel[1] + h[0]) * shape.kernel[2] + w[0]);
              phase.offsets.push_back({d[1], h[1], w[1]});
              for (std::size_t a = 0; a < 3; ++a) {
                low[a] = std::min(low[a], phase.offsets.back()[a]);
                high[a] = std::max(high[a], phase.offsets.back()[a]);
              }
            }
        if (volume(phase.count) > 0) phases.push_back(std::move(phase));
      }
  for (std::size_t a = 0; a < 3; ++a) range[a] = high[a] - low[a] + 1;
}

template <class T>
Sizes3 DirectConv<T>::Plan::staged_size(const Sizes3& positions) const {
  Sizes3 size;
  for (std::size_t a = 0; a < 3; ++a) size[a] = (positions[a] - 1) * step[a] + range[a];
  return size;
}

template <class T>
void DirectConv<T>::Plan::choose_tile() {
  const std::int64_t bytes = static_cast<std::int64_t>(in_blocks.size()) * pitch * (bf16 ? 2 : 4);
  tile = choose_positions(
      grid, shape.samples, [&](const Sizes3& t) { return volume(staged_size(t)); }, kStagedBytes / bytes, kItems, 512);
  for (std::size_t a = 0; a < 3; ++a) tiles[a] = ceil_div(grid[a], tile[a]);
  const std::int64_t items = shape.samples * volume(tiles);
  splits = std::clamp<std::int64_t>(kItems / 2 / items, 1, groups);
}

template <class T>
void DirectConv<T>::Plan::pack_group(const float* from, std::size_t p, std::int64_t group, char* to) const {
  const Phase& phase = phases[p];
  const std::int64_t width = group_blocks(group) * 16, count = lanes(), taps = shape.taps(),
                     fine_channels = shape.fine.total();
  const std::int64_t in_step = (fine_result ? fine_channels : 1) * taps;
  const std::int64_t out_step_of = (fine_result ? 1 : fine_channels) * taps;
  for (const SideBlock& block : in_blocks)
    for (const std::int64_t tap : phase.kernel_taps) {
      for (std::int64_t b = 0; b < width / 16; ++b) {
        const SideBlock& target = out_blocks[static_cast<std::size_t>(group * kernels.group + b)];
        for (std::int64_t o = 0; o < 16; ++o)
          for (std::int64_t i = 0; i < count; ++i) {
            const bool there = o < target.channels && i < block.channels;
            const float value =
                there ? from[(block.channel + i) * in_step + (target.channel + o) * out_step_of + tap] : 0.0f;
            const std::int64_t n = b * 16 + o;
            if (bf16)
              from_float(value, reinterpret_cast<Bfloat16*>(to)[((i / 2) * width + n) * 2 + i % 2]);
            else
              reinterpret_cast<float*>(to)[i * width + n] = value;
          }
      }
      to += count * width * (bf16 ? 2 : 4);
    }
}

template <class T>
std::int64_t DirectConv<T>::Plan::scratch_bytes() const {
  const std::int64_t staged =
      ceil_div(static_cast<std::int64_t>(in_blocks.size()) * staging->block_step() * staging->element_bytes(), 64) * 64;
  return staged + volume(tile) * kernels.group * 16 * 4;
}

template <class T>
void DirectConv<T>::Plan::compute(const Phase& phase, const char* weights_of_group, std::int64_t blocks,
                                  const Sizes3& count, const Call& call) const {
  ConvTile t;
  t.block_step = staging->block_step();
  t.row_step = staging->row_step() * step[1];
  t.taps = phase.staged.data();
  t.tap_count = static_cast<std::int64_t>(phase.staged.size());
  t.blocks = static_cast<std::int64_t>(in_blocks.size());
  t.lanes = lanes();
  t.weights = weights_of_group;
  t.out_row_step = tile[2] * 16;
  t.out_block_step = volume(tile) * 16;
  const int tile_pitch = static_cast<int>(pitch * step[2]);
  const RegisterTiles cover(count[1], count[2], pitch == 4 ? 1 : 4, kernels.max_voxels);
  for (std::int64_t d = 0; d < count[0]; ++d)
    cover.for_each([&](std::int64_t h, int rows, std::int64_t w, int cols) {
      const std::int64_t at = d * step[0] * staging->plane_step() + h * t.row_step + w * step[2] * pitch;
      t.in = call.staged + at * staging->element_bytes();
      t.out = call.result + ((d * tile[1] + h) * tile[2] + w) * 16;
      kernels.conv(rows, cols, tile_pitch, static_cast<int>(blocks), bf16)(t);
    });
}

template <class T>
void DirectConv<T>::Plan::store(const Phase& phase, std::int64_t block, const float* result, const Sizes3& count,
                                const Call& call) const {
  const SideBlock& to = out_blocks[static_cast<std::size_t>(block)];
  const AnyWritten& y = call.outputs[to.part];
  const std::int64_t first = (call.sample * to.blocks + to.block) * volume(out.size),
                     statistics = (call.sample * to.blocks + to.block) * 16;
  StoreRow row;
  row.to_step = out_step[2] * 16;
  row.count = count[2];
  row.bias = y.bias ? y.bias + to.block * 16 : nullptr;
  row.add = y.add;
  row.slope = y.slope;
  if (y.x != nullptr) {
    row.rstd = y.rstd + statistics;
    row.offset = y.offset + statistics;
    row.gamma = y.gamma + to.block * 16;
    row.beta = y.beta + to.block * 16;
  }
  if (y.summed) row.sums = call.sums + (call.place * static_cast<std::int64_t>(out_blocks.size()) + block) * 48;
  for (std::int64_t d = 0; d < count[0]; ++d)
    for (std::int64_t h = 0; h < count[1]; ++h) {
      const std::int64_t z = (call.origin[0] + d) * out_step[0] + phase.first[0],
                         line = (call.origin[1] + h) * out_step[1] + phase.first[1],
                         x = call.origin[2] * out_step[2] + phase.first[2];
      row.from = result + (d * tile[1] + h) * tile[2] * 16;
      const std::int64_t at = (first + (z * out.size[1] + line) * out.size[2] + x) * 16;
      row.to = static_cast<T*>(y.data) + at;
      row.x = y.x ? static_cast<const T*>(y.x) + at : nullptr;
      (kBf16 ? kernels.store_bf16 : kernels.store_f32)(row);
    }
}

template <class T>
void DirectConv<T>::Plan::store_plain(const Phase& phase, std::int64_t block, const float* result, const Sizes3& count,
                                      const Call& call) const {
  const SideBlock& to = out_blocks[static_cast<std::size_t>(block)];
  const bool add = call.outputs[0].add;
  for (std::int64_t c = 0; c < to.channels; ++c) {
    const float bias = call.bias ? call.bias[to.channel + c] : 0.0f;
    float* const data =
        static_cast<float*>(call.outputs[0].data) + (call.sample * out.total() + to.channel + c) * volume(out.size);
    for (std::int64_t d = 0; d < count[0]; ++d)
      for (std::int64_t h = 0; h < count[1]; ++h) {
        const std::int64_t z = (call.origin[0] + d) * out_step[0] + phase.first[0],
                           y = (call.origin[1] + h) * out_step[1] + phase.first[1],
                           x = call.origin[2] * out_step[2] + phase.first[2];
        float* const row = data + (z * out.size[1] + y) * out.size[2] + x;
        const float* const from = result + (d * tile[1] + h) * tile[2] * 16 + c;
        for (std::int64_t w = 0; w < count[2]; ++w)
          row[w * out_step[2]] = from[w * 16] + bias + (add ? row[w * out_step[2]] : 0.0f);
      }
  }
}

/// One tile of one sample, a share of the output groups.
template <class T>
void DirectConv<T>::Plan::item(std::int64_t number, Call call, char* scratch) const {
  const std::int64_t split = number % splits, place = number / splits, in_sample = volume(tiles);
  call.sample = place / in_sample;
  call.place = place;
  const std::int64_t t = place % in_sample;
  call.origin = tile_origin(t);
  Sizes3 from, positions;
  for (std::size_t a = 0; a < 3; ++a) {
    positions[a] = std::min(tile[a], grid[a] - call.origin[a]);
    from[a] = call.origin[a] * step[a] + low[a];
  }
  const std::int64_t block_bytes = staging->block_step() * staging->element_bytes();
  for (std::size_t b = 0; b < in_blocks.size(); ++b)
    staging->stage(call.inputs, call.sample, static_cast<std::int64_t>(b), from, staged_size(positions),
                   scratch + static_cast<std::int64_t>(b) * block_bytes);
  call.staged = scratch;
  call.result =
      reinterpret_cast<float*>(scratch + ceil_div(static_cast<std::int64_t>(in_blocks.size()) * block_bytes, 64) * 64);
  for (std::size_t p = 0; p < phases.size(); ++p) {
    Sizes3 count;
    for (std::size_t a = 0; a < 3; ++a)
      count[a] = std::min(positions[a], std::max<std::int64_t>(0, phases[p].count[a] - call.origin[a]));
    if (volume(count) == 0) continue;
    for (std::int64_t g = groups * split / splits; g < groups * (split + 1) / splits; ++g) {
      const std::int64_t blocks = group_blocks(g);
      compute(
          phases[p],
          weights.as<const char>() + weight_start[p * static_cast<std::size_t>(groups) + static_cast<std::size_t>(g)],
          blocks, count, call);
      for (std::int64_t b = 0; b < blocks; ++b) {
        const float* const result = call.result + b * volume(tile) * 16;
        if (p == 0) begin_sums(g * kernels.group + b, result, call);
        if (out.plain)
          store_plain(phases[p], g * kernels.group + b, result, count, call);
        else
          store(phases[p], g * kernels.group + b, result, count, call);
      }
    }
  }
}

/// Sums of a piece of the result, (3, 16): a shift near the values, and the sums of the differences to it.
template <class T>
void DirectConv<T>::Plan::begin_sums(std::int64_t block, const float* result, const Call& call) const {
  const AnyWritten& y = call.outputs[out_blocks[static_cast<std::size_t>(block)].part];
  if (!y.summed) return;
  float* const sums = call.sums + (call.place * static_cast<std::int64_t>(out_blocks.size()) + block) * 48;
  std::fill_n(sums, 48, 0.0f);
  if (y.x == nullptr && !y.add)
    for (int c = 0; c < 16; ++c)
      sums[c] = result[c] + (y.bias ? y.bias[out_blocks[static_cast<std::size_t>(block)].block * 16 + c] : 0.0f);
}

/// Mean and variance of the parts of a sample's channel together (Chan, Golub and LeVeque, "Updating formulae and a
/// pairwise algorithm for computing sample variances", 1979).
template <class T>
void DirectConv<T>::Plan::finish_sums(const std::vector<float>& partial, const Output<T>& y, std::size_t part) const {
  const auto blocks = static_cast<std::int64_t>(out_blocks.size());
  const std::int64_t in_sample = volume(tiles);
  for (std::int64_t n = 0; n < shape.samples; ++n)
    for (std::int64_t b = 0; b < blocks; ++b) {
      const SideBlock& at = out_blocks[static_cast<std::size_t>(b)];
      if (at.part != part) continue;
      for (std::int64_t c = 0; c < 16; ++c) {
        double count = 0, mean = 0, square = 0, sum = 0, product = 0;
        for (std::int64_t t = 0; t < in_sample; ++t) {
          const float* const s = partial.data() + ((n * in_sample + t) * blocks + b) * 48 + c;
          const auto k = static_cast<double>(voxels_of_tile(t)), off = static_cast<double>(s[16]) / k,
                     middle = static_cast<double>(s[0]) + off, away = middle - mean;
          square += static_cast<double>(s[32]) - off * off * k + away * away * count * k / (count + k);
          count += k;
          mean += away * k / count;
          sum += static_cast<double>(s[16]);
          product += static_cast<double>(s[32]);
        }
        const std::int64_t i = (n * at.blocks + at.block) * 16 + c;
        if (y.through.x != nullptr) {
          y.through.sums[i * 2] = sum;
          y.through.sums[i * 2 + 1] = product;
        } else {
          y.moments[i] = {mean, std::max(0.0, square / count)};
        }
      }
    }
}

template <class T>
std::int64_t DirectConv<T>::Plan::voxels_of_tile(std::int64_t t) const {
  const Sizes3 origin = tile_origin(t);
  std::int64_t count = 1;
  for (std::size_t a = 0; a < 3; ++a)
    count *= std::min(out.size[a], (origin[a] + tile[a]) * out_step[a]) - origin[a] * out_step[a];
  return count;
}

template <class T>
void DirectConv<T>::Plan::run(Call call, const Output<T>* first, const Output<T>* second,
                              ConvWorkspace& workspace) const {
  const auto blocks = static_cast<std::int64_t>(out_blocks.size());
  const std::int64_t places = shape.samples * volume(tiles), items = places * splits;
  const bool summed = call.outputs[0].summed || call.outputs[1].summed;
  std::vector<float> partial(summed ? static_cast<std::size_t>(places * blocks * 48) : 0);
  call.sums = partial.data();
  const std::int64_t bytes = scratch_bytes();
  workspace.prepare(omp_get_max_threads());
  SharedTasks tasks(items, omp_get_max_threads());
#pragma omp parallel
  {
    char* const scratch = static_cast<char*>(workspace.get(omp_get_thread_num(), bytes));
    tasks.work(omp_get_thread_num(), [&](std::int64_t i) { item(i, call, scratch); });
  }
  if (call.outputs[0].summed) finish_sums(partial, *first, 0);
  if (call.outputs[1].summed) finish_sums(partial, *second, 1);
}

template <class T>
DirectConv<T>::DirectConv(const ConvShape& shape, Direction direction, Isa isa)
    : plan_(std::make_unique<Plan>(shape, direction == Direction::to_fine, isa)) {}
template <class T>
DirectConv<T>::~DirectConv() = default;
template <class T>
DirectConv<T>::DirectConv(DirectConv&&) noexcept = default;
template <class T>
DirectConv<T>& DirectConv<T>::operator=(DirectConv&&) noexcept = default;

template <class T>
std::int64_t DirectConv<T>::weight_bytes() const {
  return plan_->weight_size;
}

template <class T>
void DirectConv<T>::set_weights(const float* from) {
  Plan& p = *plan_;
  if (p.weights.size() == 0) p.weights = AlignedBytes(p.weight_size);
  const auto count = static_cast<std::int64_t>(p.weight_start.size());
#pragma omp parallel for schedule(dynamic)
  for (std::int64_t i = 0; i < count; ++i)
    p.pack_group(from, static_cast<std::size_t>(i / p.groups), i % p.groups,
                 p.weights.template as<char>() + p.weight_start[static_cast<std::size_t>(i)]);
}

template <class T>
void DirectConv<T>::run(const Input<T>& x, const Output<T>& y, ConvWorkspace& workspace) const {
  plan_->run({any_input(x), {any_written(y), AnyWritten{}}}, &y, nullptr, workspace);
}
template <class T>
void DirectConv<T>::run(const Input<T>& x, const Output<T>& first, const Output<T>& second,
                        ConvWorkspace& workspace) const {
  plan_->run({any_input(x), {any_written(first), any_written(second)}}, &first, &second, workspace);
}
template <class T>
void DirectConv<T>::run(const float* x, const Output<T>& y, ConvWorkspace& workspace) const {
  plan_->run({any_input(x), {any_written(y), AnyWritten{}}}, &y, nullptr, workspace);
}
template <class T>
void DirectConv<T>::run(const Input<T>& x, const float* bias, float* y, ConvWorkspace& workspace) const {
  typename Plan::Call call{any_input(x), {}};
  call.outputs[0].data = y;
  call.bias = bias;
  plan_->run(call, nullptr, nullptr, workspace);
}

template class DirectConv<float>;
template class DirectConv<Bfloat16>;

}  // namespace nnunet::kernels
