#include "nnunet/preprocess/crop.h"

#include <atomic>
#include <bit>
#include <vector>

#include "nnunet/core/parallel.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {

namespace {

// Which voxels count.
struct Positive {
  static constexpr Vectorized any = [](const float* row, std::int64_t width) NNUNET_INLINED {
    std::uint32_t found = 0;
    for (std::int64_t x = 0; x < width; ++x) found |= static_cast<std::uint32_t>(row[x] > 0);
    return found != 0;
  };
  static bool counts(float value) { return value > 0; }
};

struct Nonzero {
  static constexpr Vectorized any = [](const float* row, std::int64_t width) NNUNET_INLINED {
    std::uint32_t found = 0;
    for (std::int64_t x = 0; x < width; ++x) found |= static_cast<std::uint32_t>(row[x] != 0);
    return found != 0;
  };
  static bool counts(float value) { return value != 0; }
};

constexpr Vectorized any_non_finite = [](const float* values, std::size_t count) NNUNET_INLINED {
  constexpr std::uint32_t exponent = 0x7f800000U;  // all ones: infinite or not a number
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i)
    found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(values[i]) & exponent) == exponent);
  return found != 0;
};

// First and one past the last voxel of a row that counts; {width, 0} when none does, as in most rows beyond the body.
template <class Voxels>
std::array<std::int64_t, 2> range_in_row(const float* row, std::int64_t width) {
  if (!Voxels::any(row, width)) return {width, 0};
  std::int64_t first = 0, last = width;
  while (!Voxels::counts(row[first])) ++first;
  while (!Voxels::counts(row[last - 1])) --last;
  return {first, last};
}

Box empty_box(const Shape3& shape) {
  return {shape, {0, 0, 0}};
}

Box joined(const Box& a, const Box& b) {
  Box box;
  for (std::size_t i = 0; i < 3; ++i) {
    box.start[i] = std::min(a.start[i], b.start[i]);
    box.end[i] = std::max(a.end[i], b.end[i]);
  }
  return box;
}

template <class Voxels>
Box box_in_slice(const ImageView& image, std::int64_t z) {
  const Shape3 shape = image.spatial();
  Box box = empty_box(shape);
  std::vector<float> room;
  for (std::int64_t c = 0; c < image.shape[0]; ++c)
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      const auto [first, last] = range_in_row<Voxels>(image.line(c, z, y, 0, shape[2], room), shape[2]);
      if (first < last) box = joined(box, {{z, y, first}, {z + 1, y + 1, last}});
    }
  return box;
}

template <class Voxels>
std::optional<Box> box_of(const ImageView& image, int threads) {
  const Shape3 shape = image.spatial();
  std::vector<Box> slices(static_cast<std::size_t>(shape[0]));
  parallel_for(shape[0], threads,
               [&](std::int64_t z) { slices[static_cast<std::size_t>(z)] = box_in_slice<Voxels>(image, z); });
  Box box = empty_box(shape);
  for (const Box& slice : slices) box = joined(box, slice);
  if (box.end[0] == 0) return std::nullopt;
  return box;
}

}  // namespace

std::optional<Box> foreground_box(const ImageView& image) {
  return box_of<Positive>(image, 1);
}

std::optional<Box> nonzero_box(const ImageView& image, int threads) {
  return box_of<Nonzero>(image, threads);
}

bool has_non_finite(const ImageView& image, int threads) {
  const auto [channels, depth, height, width] = image.shape;
  std::atomic<bool> found = false;
  parallel_for(channels * depth, threads, [&, height = height, width = width, depth = depth](std::int64_t slice) {
    std::vector<float> room;
    for (std::int64_t y = 0; y < height && !found; ++y)
      if (any_non_finite(image.line(slice / depth, slice % depth, y, 0, width, room), static_cast<std::size_t>(width)))
        found = true;
  });
  return found;
}

Array<float> crop(const ImageView& image, const Box& box, int threads) {
  const Shape3 to = box.shape();
  Array<float> result;
  result.shape = {image.shape[0], to[0], to[1], to[2]};
  result.values.resize(static_cast<std::size_t>(Array<float>::count(result.shape)));
  parallel_for(image.shape[0] * to[0], threads, [&](std::int64_t slice) {
    std::vector<float> room;
    float* out = result.data() + slice * to[1] * to[2];
    for (std::int64_t y = 0; y < to[1]; ++y)
      out = std::copy_n(
          image.line(slice / to[0], box.start[0] + slice % to[0], box.start[1] + y, box.start[2], box.end[2], room),
          to[2], out);
  });
  return result;
}

}  // namespace nnunet
