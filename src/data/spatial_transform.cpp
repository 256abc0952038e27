#include "nnunet/data/spatial_transform.h"

#include <algorithm>
#include <cassert>

#include "readable_box.h"
#include "transformed_reader.h"

namespace nnunet {
namespace {

/// A crop's rows: what lies in the box is copied, the rest is filled.
template <class T>
void crop_channel(const T* volume_values, const ReadableBox& box, const Shape3& offset, const Shape3& patch, T outside,
                  T* out) {
  const T* const from = volume_values + box.offset;
  const std::int64_t w0 = std::clamp<std::int64_t>(box.low[2] - offset[2], 0, patch[2]);
  const std::int64_t w1 = std::clamp<std::int64_t>(box.high[2] - offset[2], w0, patch[2]);
  for (std::int64_t d = 0; d < patch[0]; ++d) {
    for (std::int64_t h = 0; h < patch[1]; ++h, out += patch[2]) {
      const auto z = static_cast<std::int32_t>(d + offset[0]), y = static_cast<std::int32_t>(h + offset[1]);
      if (!box.holds(0, z) || !box.holds(1, y) || w0 == w1) {
        std::fill_n(out, patch[2], outside);
        continue;
      }
      std::fill_n(out, w0, outside);
      std::copy_n(from + box.index(z, y, static_cast<std::int32_t>(w0 + offset[2])), w1 - w0, out + w0);
      std::fill_n(out + w1, patch[2] - w1, outside);
    }
  }
}

void crop(const PatchSource& source, const Shape3& patch, TrainingPatch& to) {
  const ReadableBox box(source);
  Shape3 offset{};
  for (std::size_t axis = 0; axis < 3; ++axis) offset[axis] = source.size[axis] / 2 - patch[axis] / 2;
  for (std::int64_t c = 0; c < source.from.channels; ++c)
    crop_channel(source.from.image + c * volume(source.from.size), box, offset, patch, 0.0F, to.image.slab(c).data());
  for (std::size_t c = 0; c < source.from.labels.size(); ++c)
    crop_channel(source.from.labels[c], box, offset, patch, std::int16_t{-1},
                 to.labels.slab(static_cast<std::int64_t>(c)).data());
}

template <class T>
void shape_as(Array<T>& array, std::int64_t channels, const Shape3& size) {
  array.shape = {channels, size[0], size[1], size[2]};
  array.values.resize(static_cast<std::size_t>(channels * volume(size)));
}

}  // namespace

void read_patch(const PatchSource& source, const std::optional<SpatialTransform>& how, const PatchReading& reading,
                const Shape3& patch, TrainingPatch& to, SpatialScratch& scratch) {
  assert(reading.axes == Axes::Volume || source.size[0] == patch[0]);
  shape_as(to.image, source.from.channels, patch);
  shape_as(to.labels, static_cast<std::int64_t>(source.from.labels.size()), patch);
  if (how)
    read_transformed(source, *how, reading, patch, to, scratch);
  else
    crop(source, patch, to);
}

}  // namespace nnunet
