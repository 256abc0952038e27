#include "bit_mask.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

/// Eight voxels of 0 or 1, the first in the lowest byte, as eight bits, and back.
inline std::uint64_t eight_bits(std::uint64_t voxels) {
  return voxels * 0x0102040810204080U >> 56;
}
inline std::uint64_t eight_voxels(std::uint64_t bits) {
  const std::uint64_t spread = bits * 0x0101010101010101U & 0x8040201008040201U;  // bit i stays in byte i
  return (spread + 0x7F7F7F7F7F7F7F7FU) >> 7 & 0x0101010101010101U;
}

// out bit i = in bit (i - by), by in [1, 63]; words beside each other are one sequence of bits.
constexpr Vectorized shift_up = [](const std::uint64_t* in, std::int64_t n, int by, std::uint64_t* __restrict out)
                                    NNUNET_INLINED {
                                      out[0] = in[0] << by;
                                      for (std::int64_t i = 1; i < n; ++i)
                                        out[i] = in[i] << by | in[i - 1] >> (64 - by);
                                    };

// out bit i = in bit (i + by), by in [1, 63].
constexpr Vectorized shift_down = [](const std::uint64_t* in, std::int64_t n, int by, std::uint64_t* __restrict out)
                                      NNUNET_INLINED {
                                        for (std::int64_t i = 0; i < n - 1; ++i)
                                          out[i] = in[i] >> by | in[i + 1] << (64 - by);
                                        out[n - 1] = in[n - 1] >> by;
                                      };

// out bit i = in bit i or in bit (i + by), by in [1, 63].
constexpr Vectorized spread_down = [](const std::uint64_t* in, std::int64_t n, int by, std::uint64_t* __restrict out)
                                       NNUNET_INLINED {
                                         for (std::int64_t i = 0; i < n - 1; ++i)
                                           out[i] = in[i] | in[i] >> by | in[i + 1] << (64 - by);
                                         out[n - 1] = in[n - 1] | in[n - 1] >> by;
                                       };

constexpr Vectorized unite = [](const std::uint64_t* in, std::int64_t n, std::uint64_t* __restrict out) NNUNET_INLINED {
  for (std::int64_t i = 0; i < n; ++i) out[i] |= in[i];
};

/// out bit i = any of in's bits i + low to i + high, within rows: the word after each row takes up what a shift moves
/// over the end. Leaves nonsense in those words.
void widen(const std::uint64_t* in, std::int64_t n, std::int64_t low, std::int64_t high, std::uint64_t* out,
           std::uint64_t* buffer) {
  std::uint64_t *now = out, *next = buffer;
  if (low < 0) {
    shift_up(in, n, static_cast<int>(-low), now);
  } else if (low > 0) {
    shift_down(in, n, static_cast<int>(low), now);
  } else {
    std::copy_n(in, n, now);
  }
  for (std::int64_t covered = 1; covered <= high - low;) {
    const std::int64_t by = std::min(covered, high - low + 1 - covered);
    spread_down(now, n, static_cast<int>(by), next);
    std::swap(now, next);
    covered += by;
  }
  if (now != out) std::copy_n(now, n, out);
}

}  // namespace

void pack(const std::uint8_t* mask, const BitLayout& layout, std::uint64_t* words) {
  const std::int64_t width = layout.size[2], lines = layout.size[0] * layout.size[1];
  for (std::int64_t line = 0; line < lines; ++line, mask += width, words += layout.row) {
    std::fill_n(words, layout.row, 0);
    for (std::int64_t w = 0; w < width; w += 8) {
      std::uint64_t voxels = 0;
      std::memcpy(&voxels, mask + w, static_cast<std::size_t>(std::min<std::int64_t>(8, width - w)));
      words[w / 64] |= eight_bits(voxels) << w % 64;
    }
  }
}

void unpack_row(const std::uint64_t* words, const BitLayout& layout, std::int64_t line, std::uint8_t* row) {
  const std::int64_t width = layout.size[2];
  const std::uint64_t* const from = words + line * layout.row;
  for (std::int64_t w = 0; w < width; w += 8) {
    const std::uint64_t voxels = eight_voxels(from[w / 64] >> w % 64 & 0xFF);
    std::memcpy(row + w, &voxels, static_cast<std::size_t>(std::min<std::int64_t>(8, width - w)));
  }
}

void clear_margins(const BitLayout& layout, std::uint64_t* words) {
  const std::int64_t inside = layout.size[2] % 64, lines = layout.size[0] * layout.size[1];
  for (std::int64_t line = 1; line <= lines; ++line) {
    std::uint64_t* const end = words + line * layout.row;
    end[-1] = 0;
    if (inside != 0) end[-2] &= (std::uint64_t{1} << inside) - 1;
  }
}

void complement(const BitLayout& layout, std::uint64_t* words) {
  for (std::size_t i = 0; i < layout.words(); ++i) words[i] = ~words[i];
  clear_margins(layout, words);
}

std::vector<ElementRow> element_rows(const Array<std::uint8_t>& element) {
  const Shape3 size = element.spatial();
  if (size[2] > kWidestElement) throw std::logic_error("a structuring element that is too wide");
  std::vector<ElementRow> rows;
  for (std::int64_t line = 0; line < size[0] * size[1]; ++line) {
    const std::uint8_t* const points = element.data() + line * size[2];
    const auto first = std::find(points, points + size[2], 1) - points;
    if (first == size[2]) continue;
    const auto end = std::find(points + first, points + size[2], 0) - points;
    const std::int64_t centre = (size[2] - 1) / 2;
    rows.push_back(
        {first - centre, end - 1 - centre, line / size[1] - (size[0] - 1) / 2, line % size[1] - (size[1] - 1) / 2});
  }
  std::ranges::stable_sort(rows, {}, [](const ElementRow& row) { return std::tuple(row.low, row.high); });
  return rows;
}

bool has_centre(const std::vector<ElementRow>& rows) {
  return std::ranges::any_of(
      rows, [](const ElementRow& row) { return row.depth == 0 && row.height == 0 && row.low <= 0 && row.high >= 0; });
}

// For each extent along the width all rows are widened once; then a plane is united from those around it, which stay in
// the first-level cache.
void dilate(const std::uint64_t* mask, const BitLayout& layout, const std::vector<ElementRow>& rows, std::uint64_t* out,
            std::vector<std::uint64_t>& widened, std::vector<std::uint64_t>& half_widened) {
  const std::int64_t plane = layout.plane(), depth = layout.size[0], height = layout.size[1];
  widened.resize(layout.words());
  half_widened.resize(static_cast<std::size_t>(plane));
  std::fill_n(out, layout.words(), 0);
  for (auto group = rows.begin(); group != rows.end();) {
    const auto end = std::find_if(
        group, rows.end(), [&](const ElementRow& row) { return row.low != group->low || row.high != group->high; });
    for (std::int64_t d = 0; d < depth; ++d)
      widen(mask + d * plane, plane, group->low, group->high, widened.data() + d * plane, half_widened.data());
    for (std::int64_t d = 0; d < depth; ++d)
      for (auto row = group; row != end; ++row) {
        const std::int64_t from = d + row->depth, lines = height - std::abs(row->height);
        if (from < 0 || from >= depth || lines <= 0) continue;
        const std::int64_t to_line = std::max<std::int64_t>(0, -row->height), line = to_line + row->height;
        unite(widened.data() + from * plane + line * layout.row, lines * layout.row,
              out + d * plane + to_line * layout.row);
      }
    group = end;
  }
  clear_margins(layout, out);
}

}  // namespace nnunet
