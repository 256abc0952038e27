#include "nnunet/data/cascade_operators.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "bit_mask.h"
#include "nnunet/core/connected_components.h"

namespace nnunet {
namespace {

bool none(const std::vector<std::uint64_t>& words) {
  return std::ranges::all_of(words, [](std::uint64_t word) { return word == 0; });
}

/// Masks in scratch.mask and scratch.result, which change places.
class BitMorphology {
 public:
  BitMorphology(const BitLayout& layout, const Array<std::uint8_t>& element, PatchScratch& scratch)
      : layout_(layout), rows_(element_rows(element)), scratch_(scratch) {}

  /// From scratch.mask to scratch.result.
  void apply(Morphology how) {
    const bool grows_first = how == Morphology::dilation || how == Morphology::closing;
    grows_first ? grow() : shrink();
    if (how == Morphology::dilation || how == Morphology::erosion) return;
    std::swap(scratch_.mask, scratch_.result);
    grows_first ? shrink() : grow();
  }

 private:
  void grow() {
    scratch_.result.resize(layout_.words());
    if (none(scratch_.mask)) {
      std::ranges::fill(scratch_.result, 0);
    } else {
      dilate(scratch_.mask.data(), layout_, rows_, scratch_.result.data(), scratch_.widened, scratch_.half_widened);
    }
  }
  /// A mask without voxels stays so where the element has its centre: its complement is everything.
  void shrink() {
    if (none(scratch_.mask) && has_centre(rows_)) {
      scratch_.result.assign(layout_.words(), 0);
      return;
    }
    complement(layout_, scratch_.mask.data());
    grow();
    complement(layout_, scratch_.result.data());
  }

  const BitLayout& layout_;
  std::vector<ElementRow> rows_;
  PatchScratch& scratch_;
};

/// Shuffled (Fisher and Yates).
std::vector<std::int64_t> random_order(std::int64_t count, CounterRng& rng) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::int64_t i = count - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(rng.integer(i + 1))]);
  return order;
}

/// The mask's rows become the result's; gained(line, row) for those that have voxels which were not set before.
template <class Gained>
void write_result(std::span<std::uint8_t> mask, const BitLayout& layout, const std::vector<std::uint64_t>& result,
                  const Gained& gained) {
  const std::int64_t width = layout.size[2];
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width));
  for (std::int64_t line = 0; line < layout.size[0] * layout.size[1]; ++line) {
    std::uint8_t* const voxels = mask.data() + line * width;
    unpack_row(result.data(), layout, line, row.data());
    bool any = false;
    for (std::int64_t w = 0; w < width; ++w) {
      std::uint8_t& now = row[static_cast<std::size_t>(w)];
      const std::uint8_t before = std::exchange(voxels[w], now);
      now = static_cast<std::uint8_t>(now & ~before & 1);
      any |= now != 0;
    }
    if (any) gained(line, row);
  }
}

}  // namespace

void change_mask(std::span<std::uint8_t> mask, const Shape3& size, Morphology how, const Array<std::uint8_t>& element,
                 PatchScratch& scratch) {
  const BitLayout layout(size);
  scratch.mask.resize(layout.words());
  pack(mask.data(), layout, scratch.mask.data());
  BitMorphology(layout, element, scratch).apply(how);
  for (std::int64_t line = 0; line < size[0] * size[1]; ++line)
    unpack_row(scratch.result.data(), layout, line, mask.data() + line * size[2]);
}

void change_channel(Array<std::uint8_t>& channels, std::int64_t channel, Morphology how, double radius,
                    PatchScratch& scratch) {
  const Shape3 size = channels.spatial();
  const BitLayout layout(size);
  const std::span<std::uint8_t> mask = channels.slab(channel);
  scratch.mask.resize(layout.words());
  pack(mask.data(), layout, scratch.mask.data());
  BitMorphology(layout, structuring_ball(radius, size[0] == 1), scratch).apply(how);
  write_result(mask, layout, scratch.result, [&](std::int64_t line, const std::vector<std::uint8_t>& gained) {
    for (std::int64_t other = 0; other < channels.size(0); ++other) {
      if (other == channel) continue;
      std::uint8_t* const row = channels.slab(other).data() + line * size[2];
      for (std::size_t w = 0; w < gained.size(); ++w) row[w] = static_cast<std::uint8_t>(row[w] & ~gained[w]);
    }
  });
}

void remove_component(std::span<std::uint8_t> mask, const Shape3& size, double below, CounterRng& rng) {
  const ConnectedComponents components(size, [&](std::int64_t i) { return mask[static_cast<std::size_t>(i)] != 0; });
  std::vector<std::size_t> small;
  for (std::size_t i = 0; i < components.sizes().size(); ++i)
    if (static_cast<double>(components.sizes()[i]) < below) small.push_back(i);
  if (small.empty()) return;
  const std::size_t removed = small[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(small.size())))];
  components.visit([&](std::size_t component, std::size_t line, const ConnectedComponents::Run& run) {
    if (component != removed) return;
    std::uint8_t* const row = mask.data() + line * static_cast<std::size_t>(size[2]);
    std::fill(row + run.begin, row + run.end, std::uint8_t{0});
  });
}

CascadeAugmentation every_channel_cascade_augmentation() {
  CascadeAugmentation every;
  every.morphology_per_channel = every.removal_per_channel = 1;
  return every;
}

std::vector<MorphologyStep> draw_morphology(const CascadeAugmentation& how, std::int64_t channels, CounterRng& rng) {
  std::vector<MorphologyStep> steps;
  if (!rng.coin(how.morphology_probability)) return steps;
  for (const std::int64_t channel : random_order(channels, rng)) {
    if (!rng.coin(how.morphology_per_channel)) continue;
    const auto operation = static_cast<Morphology>(rng.integer(4));
    steps.push_back({channel, operation, static_cast<double>(rng.uniform(how.least_radius, how.most_radius))});
  }
  return steps;
}

void augment_previous_stage(Array<std::uint8_t>& channels, const CascadeAugmentation& how, CounterRng& rng,
                            PatchScratch& scratch) {
  const Shape3 size = channels.spatial();
  for (const MorphologyStep& step : draw_morphology(how, channels.size(0), rng))
    change_channel(channels, step.channel, step.how, step.radius, scratch);
  if (!rng.coin(how.removal_probability)) return;
  const double below = how.removal_share * static_cast<double>(volume(size));
  for (std::int64_t channel = 0; channel < channels.size(0); ++channel)
    if (rng.coin(how.removal_per_channel)) remove_component(channels.slab(channel), size, below, rng);
}

}  // namespace nnunet
