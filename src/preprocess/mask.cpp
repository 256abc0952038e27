#include "nnunet/preprocess/mask.h"

#include <algorithm>
#include <atomic>

#include "nnunet/core/parallel.h"
#include "nnunet/core/vectorized.h"

// Holes are what a flood of the background from the border does not reach. Voxels are bits, 64 of a row in a word, and
// the flood goes from row to row, up and down, until it stands still.
namespace nnunet {

namespace {

using Word = std::uint64_t;
using Index = std::int64_t;
constexpr Index kBits = 64;

// A slab's slices flood on their own before they look at their neighbours again.
constexpr Index kSlab = 16;

struct Volume {
  Shape3 shape{};
  Index words = 0;  // a row
  std::vector<Word> background, flood;

  explicit Volume(const Shape3& s) : shape(s), words((s[2] + kBits - 1) / kBits), background(size()), flood(size()) {}
  std::size_t size() const { return static_cast<std::size_t>(shape[0] * shape[1] * words); }
  Index row(Index z, Index y) const { return (z * shape[1] + y) * words; }
};

constexpr Vectorized pack_zeros = [](const float* row, Index width, Word* out) NNUNET_INLINED {
  for (Index x = 0; x < width; x += kBits, ++out) {
    Word word = 0;
    const Index count = std::min(kBits, width - x);
    for (Index i = 0; i < count; ++i) word |= static_cast<Word>(row[x + i] == 0) << i;
    *out &= word;
  }
};

// All of a word's background next to the flood, through runs of background: to higher bits, and to lower ones.
Word spread_up(Word flood, Word open) {
  for (int step = 1; step < kBits; step *= 2) {
    flood |= open & (flood << step);
    open &= open << step;
  }
  return flood;
}
Word spread_down(Word flood, Word open) {
  for (int step = 1; step < kBits; step *= 2) {
    flood |= open & (flood >> step);
    open &= open >> step;
  }
  return flood;
}

// Along a row, both ways.
void spread_row(Word* flood, const Word* open, Index words) {
  Word carry = 0;
  for (Index w = 0; w < words; ++w) {
    flood[w] = spread_up(flood[w] | (carry & open[w]), open[w]);
    carry = flood[w] >> (kBits - 1);
  }
  carry = 0;
  for (Index w = words; w-- > 0;) {
    flood[w] = spread_down(flood[w] | (carry & open[w]), open[w]);
    carry = flood[w] << (kBits - 1);
  }
}

// Takes a neighbouring row's flood over. True: there was something to take.
bool take(Word* flood, const Word* open, const Word* neighbour, Index words) {
  Word news = 0;
  for (Index w = 0; w < words; ++w) {
    const Word more = neighbour[w] & open[w] & ~flood[w];
    flood[w] |= more;
    news |= more;
  }
  return news != 0;
}

struct Slab {
  Index first, end;
  std::vector<Word> below = {}, above = {};  // the neighbouring slabs' nearest slices, as they were
};

class Flood {
 public:
  Flood(Volume& volume, Index threads) : v_(volume), threads_(static_cast<int>(threads)) {
    for (Index z = 0; z < v_.shape[0]; z += kSlab) slabs_.push_back({z, std::min(v_.shape[0], z + kSlab)});
  }

  void run() {
    for_slabs([&](Slab& slab) { seed(slab); });
    for (bool news = true; news;) {
      for_slabs([&](Slab& slab) { look_around(slab); });
      std::atomic<bool> any = false;
      for_slabs([&](Slab& slab) {
        if (settle(slab)) any = true;
      });
      news = any;
    }
  }

 private:
  template <class Body>
  void for_slabs(const Body& body) {
    parallel_for(static_cast<Index>(slabs_.size()), threads_,
                 [&](Index i) { body(slabs_[static_cast<std::size_t>(i)]); });
  }

  Word* flood(Index z, Index y) { return v_.flood.data() + v_.row(z, y); }
  const Word* open(Index z, Index y) const { return v_.background.data() + v_.row(z, y); }

  // The background at the array's border.
  void seed(const Slab& slab) {
    const Shape3& s = v_.shape;
    for (Index z = slab.first; z < slab.end; ++z)
      for (Index y = 0; y < s[1]; ++y) {
        const Word* from = open(z, y);
        Word* to = flood(z, y);
        if (z == 0 || z + 1 == s[0] || y == 0 || y + 1 == s[1]) {
          std::copy_n(from, v_.words, to);
          continue;
        }
        to[0] = from[0] & 1U;
        const Index last = v_.words - 1;
        to[last] |= from[last] & (Word{1} << ((s[2] - 1) % kBits));
        spread_row(to, from, v_.words);
      }
  }

  std::vector<Word> slice(Index z) const {
    const auto area = static_cast<std::ptrdiff_t>(v_.shape[1] * v_.words),
               first = static_cast<std::ptrdiff_t>(z) * area;
    return {v_.flood.begin() + first, v_.flood.begin() + first + area};
  }
  void look_around(Slab& slab) const {
    if (slab.first > 0) slab.below = slice(slab.first - 1);
    if (slab.end < v_.shape[0]) slab.above = slice(slab.end);
  }

  // What the rows around hold, into this one.
  bool take_from(const Slab& slab, Index z, Index y) {
    Word* to = flood(z, y);
    const Word* background = open(z, y);
    const auto neighbour = [&](Index nz) {
      if (nz >= slab.first && nz < slab.end) return static_cast<const Word*>(flood(nz, y));
      const std::vector<Word>& slice = nz < slab.first ? slab.below : slab.above;
      return slice.empty() ? nullptr : slice.data() + y * v_.words;
    };
    bool news = false;
    for (const Word* from : {neighbour(z - 1), neighbour(z + 1)})
      if (from != nullptr) news |= take(to, background, from, v_.words);
    if (y > 0) news |= take(to, background, flood(z, y - 1), v_.words);
    if (y + 1 < v_.shape[1]) news |= take(to, background, flood(z, y + 1), v_.words);
    if (news) spread_row(to, background, v_.words);
    return news;
  }

  // Sweeps forth and back until nothing moves. True: something did.
  bool settle(const Slab& slab) {
    bool any = false;
    for (bool news = true; news;) {
      news = false;
      for (Index z = slab.first; z < slab.end; ++z)
        for (Index y = 0; y < v_.shape[1]; ++y) news |= take_from(slab, z, y);
      if (!news) break;
      any = true;
      news = false;
      for (Index z = slab.end; z-- > slab.first;)
        for (Index y = v_.shape[1]; y-- > 0;) news |= take_from(slab, z, y);
    }
    return any;
  }

  Volume& v_;
  int threads_;
  std::vector<Slab> slabs_;
};

}  // namespace

std::vector<std::uint8_t> nonzero_filled_mask(const Array<float>& image, int threads) {
  const Shape3 shape = image.spatial();
  Volume volume(shape);
  parallel_for(shape[0], threads, [&](Index z) {
    for (Index y = 0; y < shape[1]; ++y) {
      Word* row = volume.background.data() + volume.row(z, y);
      std::fill_n(row, volume.words, ~Word{0});
      for (Index c = 0; c < image.size(0); ++c)
        pack_zeros(image.data() + ((c * shape[0] + z) * shape[1] + y) * shape[2], shape[2], row);
    }
  });
  Flood(volume, threads).run();
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(nnunet::volume(shape)));
  parallel_for(shape[0], threads, [&](Index z) {
    for (Index y = 0; y < shape[1]; ++y) {
      const Word* row = volume.flood.data() + volume.row(z, y);
      std::uint8_t* out = mask.data() + (z * shape[1] + y) * shape[2];
      for (Index x = 0; x < shape[2]; ++x) out[x] = (row[x / kBits] >> (x % kBits) & 1U) == 0;
    }
  });
  return mask;
}

}  // namespace nnunet
