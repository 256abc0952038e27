#include "nnunet/preprocess/crop.h"

#include <bit>

#include "nnunet/core/vectorized.h"

namespace nnunet {

namespace {

constexpr Vectorized any_positive = [](const float* row, std::int64_t width) NNUNET_INLINED {
  std::uint32_t any = 0;
  for (std::int64_t x = 0; x < width; ++x) any |= static_cast<std::uint32_t>(row[x] > 0);
  return any != 0;
};

constexpr Vectorized any_non_finite = [](const float* values, std::size_t count) NNUNET_INLINED {
  constexpr std::uint32_t exponent = 0x7f800000U;  // all ones: infinite or not a number
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i)
    found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(values[i]) & exponent) == exponent);
  return found != 0;
};

// First and one past the last positive value of a row; {width, 0} when there is none, as in most rows beyond the body.
std::array<std::int64_t, 2> positive_range(const float* row, std::int64_t width) {
  if (!any_positive(row, width)) return {width, 0};
  std::int64_t first = 0, last = width;
  while (!(row[first] > 0)) ++first;
  while (!(row[last - 1] > 0)) --last;
  return {first, last};
}

}  // namespace

std::optional<Box> foreground_box(const Array<float>& image) {
  const Shape3 shape = image.spatial();
  Box box{shape, {0, 0, 0}};
  const float* row = image.data();
  for (std::int64_t c = 0; c < image.size(0); ++c)
    for (std::int64_t z = 0; z < shape[0]; ++z)
      for (std::int64_t y = 0; y < shape[1]; ++y, row += shape[2]) {
        const auto [first, last] = positive_range(row, shape[2]);
        if (first >= last) continue;
        box.start = {std::min(box.start[0], z), std::min(box.start[1], y), std::min(box.start[2], first)};
        box.end = {std::max(box.end[0], z + 1), std::max(box.end[1], y + 1), std::max(box.end[2], last)};
      }
  if (box.end[0] == 0) return std::nullopt;
  return box;
}

bool has_non_finite(std::span<const float> values) {
  return any_non_finite(values.data(), values.size());
}

}  // namespace nnunet
