#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"

// Masks with one bit a voxel, so that dilating by a ball is a few operations a voxel.
namespace nnunet {

/// How a mask (D,H,W) lies in 64-bit words: each row in whole words, and a word more, which is 0, so that all rows can
/// be shifted as one.
struct BitLayout {
  explicit BitLayout(const Shape3& size_) : size(size_), row(size[2] / 64 + (size[2] % 64 != 0 ? 2 : 1)) {}

  std::size_t words() const { return static_cast<std::size_t>(size[0] * size[1] * row); }
  std::int64_t plane() const { return size[1] * row; }

  Shape3 size;
  std::int64_t row;  ///< words of a row
};

void pack(const std::uint8_t* mask, const BitLayout& layout, std::uint64_t* words);
/// The voxels of row `line` (depth * H + height).
void unpack_row(const std::uint64_t* words, const BitLayout& layout, std::int64_t line, std::uint8_t* row);
/// Sets what lies beyond the rows' ends to 0.
void clear_margins(const BitLayout& layout, std::uint64_t* words);
/// The voxels that are not set.
void complement(const BitLayout& layout, std::uint64_t* words);

/// Points of a structuring element that lie in a row: from `low` to `high` along the width, at (depth, height).
struct ElementRow {
  std::int64_t low, high, depth, height;
};
/// Voxels along the width; what wider ones shift would meet the next row.
inline constexpr std::int64_t kWidestElement = 32;
/// The rows of an element (n0,n1,n2), whose points are adjoining along the width, relative to its centre (n - 1) / 2;
/// equal extents follow one another.
std::vector<ElementRow> element_rows(const Array<std::uint8_t>& element);
/// Whether the centre is one of the points.
bool has_centre(const std::vector<ElementRow>& rows);

/// out: where the mask has a voxel within the element around. The margins of both are 0. Buffers of a plane's and all
/// words.
void dilate(const std::uint64_t* mask, const BitLayout& layout, const std::vector<ElementRow>& rows, std::uint64_t* out,
            std::vector<std::uint64_t>& widened, std::vector<std::uint64_t>& half_widened);

}  // namespace nnunet
