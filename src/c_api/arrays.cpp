#include "arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/core/parallel.h"
#include "status.h"

namespace nnunet::c_api {
namespace {

struct Number {
  NumberType type;
  std::int64_t bytes;
};

Number number_of(nnunet_type type, const char* name) {
  switch (type) {
    case NNUNET_UINT8:
      return {NumberType::uint8, 1};
    case NNUNET_INT8:
      return {NumberType::int8, 1};
    case NNUNET_UINT16:
      return {NumberType::uint16, 2};
    case NNUNET_INT16:
      return {NumberType::int16, 2};
    case NNUNET_UINT32:
      return {NumberType::uint32, 4};
    case NNUNET_INT32:
      return {NumberType::int32, 4};
    case NNUNET_UINT64:
      return {NumberType::uint64, 8};
    case NNUNET_INT64:
      return {NumberType::int64, 8};
    case NNUNET_FLOAT32:
      return {NumberType::float32, 4};
    case NNUNET_FLOAT64:
      return {NumberType::float64, 8};
    default:
      throw InvalidCall(fmt::format("{}: there is no type {}", name, type));
  }
}

void check_shape(const ImageView& view, const char* name) {
  std::int64_t numbers = 1;
  for (const std::int64_t size : view.shape) {
    if (size < 1) throw InvalidCall(fmt::format("{}: has the shape {}", name, shape_text(view.shape)));
    if (size > limits::image_voxels / numbers)
      throw InvalidCall(
          fmt::format("{}: the shape {} has more than {} numbers", name, shape_text(view.shape), limits::image_voxels));
    numbers *= size;
  }
}

/// No process has so much memory; sums of what passes do not overflow.
void check_strides(const ImageView& view, const char* name) {
  constexpr std::int64_t most = std::int64_t{1} << 48;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const std::int64_t steps = view.shape[axis] - 1, stride = view.strides[axis];
    if (steps > 0 && (stride > most / steps || stride < -most / steps))
      throw InvalidCall(fmt::format("{}: has the stride {} along axis {}", name, stride, axis));
  }
}

/// Whether each number has bytes of its own: along each axis the next one lies behind all of the axes with smaller
/// steps.
bool lie_apart(const ImageView& view, std::int64_t bytes) {
  const auto step = [&](std::size_t axis) { return view.shape[axis] > 1 ? std::abs(view.strides[axis]) : 0; };
  std::array<std::size_t, 4> axes{0, 1, 2, 3};
  std::ranges::sort(axes, {}, step);
  std::int64_t reach = bytes;
  for (const std::size_t axis : axes) {
    if (view.shape[axis] > 1 && step(axis) < reach) return false;
    reach += step(axis) * (view.shape[axis] - 1);
  }
  return true;
}

void check_aligned(const ImageView& view, std::int64_t bytes, const char* name) {
  bool fine = reinterpret_cast<std::uintptr_t>(view.voxels) % static_cast<std::uintptr_t>(bytes) == 0;
  for (std::size_t axis = 0; axis < 4; ++axis)
    fine = fine && (view.shape[axis] == 1 || view.strides[axis] % bytes == 0);
  if (!fine) throw InvalidCall(fmt::format("{}: its numbers of {} bytes are not aligned", name, bytes));
}

void require_floats(const ImageView& view, const char* name) {
  if (view.type != NumberType::float32) throw InvalidCall(fmt::format("{}: is not of NNUNET_FLOAT32", name));
}

/// Bytes of the view's numbers, which the caller gave to be written.
std::byte* place(const ImageView& view) {
  return const_cast<std::byte*>(view.voxels);
}

template <class To, class From>
void copy_labels(const Array<From>& labels, const ImageView& to) {
  const auto [depth, height, width] = labels.spatial();
  const std::int64_t lines = depth * height, wide = width, high = height;
  parallel_ranges(lines, std::max<std::int64_t>(1, 32768 / width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const From* from = labels.data() + i * wide;
      std::byte* out = place(to) + i / high * to.strides[1] + i % high * to.strides[2];
      for (std::int64_t x = 0; x < wide; ++x, out += to.strides[3])
        *reinterpret_cast<To*>(out) = static_cast<To>(from[x]);
    }
  });
}

}  // namespace

ImageView view_of(const nnunet_array& array, const char* name) {
  require(array.data, name);
  if (array.ndim != 3 && array.ndim != 4)
    throw InvalidCall(fmt::format("{}: has {} axes, not 3 or 4", name, array.ndim));
  const Number number = number_of(array.type, name);
  ImageView view;
  view.voxels = static_cast<const std::byte*>(array.data);
  view.type = number.type;
  const auto first = static_cast<std::size_t>(4 - array.ndim);
  view.shape[0] = 1;
  std::copy_n(array.shape, array.ndim, view.shape.begin() + static_cast<std::ptrdiff_t>(first));
  std::copy_n(array.strides, array.ndim, view.strides.begin() + static_cast<std::ptrdiff_t>(first));
  check_shape(view, name);
  if (std::ranges::all_of(view.strides, [](std::int64_t stride) { return stride == 0; }))
    set_c_order(view, number.bytes);
  check_strides(view, name);
  check_aligned(view, number.bytes, name);
  return view;
}

ImageView output_view(const nnunet_array& array, const char* name, std::int64_t channels, const Shape3& shape) {
  ImageView view = view_of(array, name);
  const std::array<std::int64_t, 4> wanted{channels, shape[0], shape[1], shape[2]};
  if (view.shape != wanted)
    throw InvalidCall(fmt::format("{}: has the shape {}, not {}", name, shape_text(view.shape), shape_text(wanted)));
  for (std::size_t axis = 0; axis < 4; ++axis)
    if (view.shape[axis] > 1 && view.strides[axis] == 0)
      throw InvalidCall(fmt::format("{}: has the stride 0 along axis {}", name, axis));
  if (!lie_apart(view, number_of(array.type, name).bytes))
    throw InvalidCall(fmt::format("{}: its strides put several numbers at one place", name));
  return view;
}

ClassVolume class_volume(const ImageView& view, const char* name) {
  require_floats(view, name);
  ClassVolume volume{reinterpret_cast<float*>(place(view)), {}};
  for (std::size_t axis = 0; axis < 4; ++axis)
    volume.strides[axis] = view.strides[axis] / static_cast<std::int64_t>(sizeof(float));
  return volume;
}

const float* plain_floats(const ImageView& view, const char* name) {
  require_floats(view, name);
  ImageView plain = view;
  set_c_order(plain, sizeof(float));
  for (std::size_t axis = 0; axis < 4; ++axis)
    if (view.shape[axis] > 1 && view.strides[axis] != plain.strides[axis])
      throw InvalidCall(fmt::format("{}: is not in C order", name));
  return reinterpret_cast<const float*>(view.voxels);
}

Array<std::uint16_t> labels_in(const ImageView& view, const std::string& name, int most) {
  const auto [depth, height, width] = view.spatial();
  Array<std::uint16_t> labels({depth, height, width});
  std::uint16_t* to = labels.data();
  std::vector<float> room;
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y) {
      const float* const line = view.line(0, z, y, 0, width, room);
      for (std::int64_t x = 0; x < width; ++x) {
        if (!(line[x] >= 0 && line[x] <= static_cast<float>(most) && line[x] == std::floor(line[x])))
          throw Error(name, fmt::format("holds {}, which is no label", line[x]),
                      fmt::format("give a label map: whole numbers from 0 to {}", most));
        *to++ = static_cast<std::uint16_t>(line[x]);
      }
    }
  return labels;
}

void write_labels(const Array<std::uint8_t>& labels, const ImageView& to) {
  to.type == NumberType::uint8 ? copy_labels<std::uint8_t>(labels, to) : copy_labels<std::uint16_t>(labels, to);
}

void write_labels(const Array<std::uint16_t>& labels, const ImageView& to) {
  copy_labels<std::uint16_t>(labels, to);
}

}  // namespace nnunet::c_api
