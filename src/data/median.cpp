#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "nnunet/data/patch_intensity.h"
#include "nnunet/data/patch_math.h"

// The median of a window that slides along rows. All values are sorted once; afterwards a value is its place in that
// order, the window a set of places (one bit each), and the median moves over the set by as many members as the window
// gained or lost below it.
namespace nnunet {
namespace {

/// The window over places: how many members lie below the median's, and where that is.
class MedianWindow {
 public:
  /// members: of a full window. words: room for one bit a place, and one bit a word of those.
  MedianWindow(std::size_t places, std::int64_t members, std::vector<std::uint64_t>& words)
      : wanted_(members / 2), base_((places + 63) / 64) {
    words.assign(base_ + (base_ + 63) / 64, 0);
    bits_ = words.data();
    filled_ = bits_ + base_;
  }

  void add(std::uint32_t place) {
    bits_[place / 64] |= std::uint64_t{1} << place % 64;
    filled_[place / 4096] |= std::uint64_t{1} << place / 64 % 64;
    if (place < median_) ++below_;
  }
  void remove(std::uint32_t place) {
    std::uint64_t& word = bits_[place / 64];
    word &= ~(std::uint64_t{1} << place % 64);
    if (word == 0) filled_[place / 4096] &= ~(std::uint64_t{1} << place / 64 % 64);
    if (place < median_) --below_;
  }
  /// The place of the median; the window is full.
  std::uint32_t median() {
    if (!has(median_)) below_ <= wanted_ ? up(median_) : down();
    for (; below_ < wanted_; ++below_) up(median_ + 1);
    while (below_ > wanted_) down();
    return median_;
  }

 private:
  bool has(std::uint32_t place) const { return (bits_[place / 64] >> place % 64 & 1) != 0; }
  /// To the first member from this place on, of which there is one.
  void up(std::uint32_t from) {
    const std::uint64_t here = from / 64 < base_ ? bits_[from / 64] >> from % 64 : 0;
    if (here != 0) {
      median_ = from + static_cast<std::uint32_t>(std::countr_zero(here));
      return;
    }
    std::uint32_t word = from / 64 + 1;
    std::uint64_t filled = filled_[word / 64] >> word % 64 << word % 64;
    while (filled == 0) filled = filled_[(word = (word / 64 + 1) * 64) / 64];
    word = word / 64 * 64 + static_cast<std::uint32_t>(std::countr_zero(filled));
    median_ = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits_[word]));
  }
  /// To the last member below, of which there is one.
  void down() {
    --below_;
    const std::uint64_t here = bits_[median_ / 64] & ((std::uint64_t{1} << median_ % 64) - 1);
    if (here != 0) {
      median_ = median_ / 64 * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(here));
      return;
    }
    std::uint32_t word = median_ / 64;
    std::uint64_t filled = filled_[word / 64] & ((std::uint64_t{1} << word % 64) - 1);
    std::uint32_t group = word / 64;
    while (filled == 0) filled = filled_[--group];
    word = group * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(filled));
    median_ = word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(bits_[word]));
  }

  std::int64_t wanted_, below_ = 0;
  std::uint32_t median_ = 0;
  std::size_t base_;
  std::uint64_t *bits_ = nullptr, *filled_ = nullptr;
};

/// The image with the margin that windows reach over, and what each of its values is the place of.
struct Padded {
  Shape3 size{};
  std::array<std::int64_t, 3> window{};  // voxels of each axis

  Padded(const float* values, const Shape3& inner, std::int64_t side, PatchScratch& scratch) {
    for (std::size_t a = 0; a < 3; ++a) {
      window[a] = inner[a] > 1 ? side : 1;
      size[a] = inner[a] + window[a] - 1;
    }
    scratch.padded.resize(static_cast<std::size_t>(volume(size)));
    float* to = scratch.padded.data();
    for (std::int64_t d = 0; d < size[0]; ++d)
      for (std::int64_t h = 0; h < size[1]; ++h) {
        const float* const row = values + (from(0, d, inner) * inner[1] + from(1, h, inner)) * inner[2];
        for (std::int64_t w = 0; w < size[2]; ++w) *to++ = row[from(2, w, inner)];
      }
  }

 private:
  std::int64_t from(std::size_t axis, std::int64_t i, const Shape3& inner) const {
    return augmenting::reflected(i - window[axis] / 2, inner[axis]);
  }
};

/// scratch.rank: the place of every padded value; scratch.sorted: the values in their order. Radix sort by bytes of the
/// values' bits, in the upper half of a word, with their indices in the lower.
void rank_values(PatchScratch& scratch) {
  const std::vector<float>& values = scratch.padded;
  std::vector<std::uint64_t>&entries = scratch.entries, &next = scratch.next_entries;
  entries.resize(values.size());
  next.resize(values.size());
  std::array<std::array<std::uint32_t, 256>, 4> start{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    entries[i] = std::uint64_t{augmenting::ordered_bits(values[i])} << 32 | i;
    for (unsigned byte = 0; byte < 4; ++byte) ++start[byte][entries[i] >> (32 + 8 * byte) & 0xFF];
  }
  for (unsigned byte = 0; byte < 4; ++byte) {
    std::uint32_t sum = 0;
    for (std::uint32_t& each : start[byte]) sum += std::exchange(each, sum);
    for (const std::uint64_t entry : entries) next[start[byte][entry >> (32 + 8 * byte) & 0xFF]++] = entry;
    std::swap(entries, next);
  }
  scratch.rank.resize(values.size());
  scratch.sorted.resize(values.size());
  for (std::size_t place = 0; place < entries.size(); ++place) {
    const std::uint64_t index = entries[place] & 0xFFFFFFFFU;
    scratch.sorted[place] = values[index];
    scratch.rank[index] = static_cast<std::uint32_t>(place);
  }
}

}  // namespace

void filter_median(TrainingPatch& patch, std::int64_t channel, int size, PatchScratch& scratch) {
  const Shape3 inner = patch.image.spatial();
  float* out = patch.image.slab(channel).data();
  const Padded padded(out, inner, size, scratch);
  const auto& window = padded.window;
  rank_values(scratch);
  MedianWindow median(scratch.rank.size(), window[0] * window[1] * window[2], scratch.present);
  for (std::int64_t d = 0; d < inner[0]; ++d)
    for (std::int64_t h = 0; h < inner[1]; ++h) {
      const std::uint32_t* const start = scratch.rank.data() + (d * padded.size[1] + h) * padded.size[2];
      const auto for_column = [&](std::int64_t w, const auto& visit) {
        for (std::int64_t z = 0; z < window[0]; ++z)
          for (std::int64_t y = 0; y < window[1]; ++y) visit(start[(z * padded.size[1] + y) * padded.size[2] + w]);
      };
      const auto add = [&](std::uint32_t place) { median.add(place); };
      const auto remove = [&](std::uint32_t place) { median.remove(place); };
      for (std::int64_t w = 0; w < window[2] - 1; ++w) for_column(w, add);
      for (std::int64_t w = 0; w < inner[2]; ++w) {
        for_column(w + window[2] - 1, add);
        *out++ = scratch.sorted[median.median()];
        for_column(w, remove);
      }
      for (std::int64_t w = inner[2]; w < padded.size[2]; ++w) for_column(w, remove);
    }
}

}  // namespace nnunet
