#include "nnunet/preprocess/image_view.h"

#include <cstring>

namespace nnunet {
namespace {

template <class T>
void convert(const std::byte* from, std::int64_t stride, std::vector<float>& to) {
  for (std::size_t i = 0; i < to.size(); ++i, from += stride) {
    T value;
    std::memcpy(&value, from, sizeof value);
    to[i] = static_cast<float>(value);
  }
}

void convert(NumberType type, const std::byte* from, std::int64_t stride, std::vector<float>& to) {
  switch (type) {
    case NumberType::uint8:
      return convert<std::uint8_t>(from, stride, to);
    case NumberType::int8:
      return convert<std::int8_t>(from, stride, to);
    case NumberType::uint16:
      return convert<std::uint16_t>(from, stride, to);
    case NumberType::int16:
      return convert<std::int16_t>(from, stride, to);
    case NumberType::uint32:
      return convert<std::uint32_t>(from, stride, to);
    case NumberType::int32:
      return convert<std::int32_t>(from, stride, to);
    case NumberType::uint64:
      return convert<std::uint64_t>(from, stride, to);
    case NumberType::int64:
      return convert<std::int64_t>(from, stride, to);
    case NumberType::float32:
      return convert<float>(from, stride, to);
    case NumberType::float64:
      return convert<double>(from, stride, to);
  }
}

}  // namespace

ImageView::ImageView(const Array<float>& array, const Spacing3& mm)
    : voxels(reinterpret_cast<const std::byte*>(array.data())), spacing(mm) {
  for (std::size_t axis = 0; axis < 4; ++axis) shape[axis] = array.shape.at(axis);
  set_c_order(*this, sizeof(float));
}

void set_c_order(ImageView& view, std::int64_t bytes) {
  for (std::size_t axis = 4; axis-- > 0; bytes *= view.shape[axis]) view.strides[axis] = bytes;
}

const float* ImageView::line(std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t begin, std::int64_t end,
                             std::vector<float>& room) const {
  const std::byte* const from = voxels + c * strides[0] + z * strides[1] + y * strides[2] + begin * strides[3];
  if (type == NumberType::float32 && strides[3] == static_cast<std::int64_t>(sizeof(float)))
    return reinterpret_cast<const float*>(from);
  room.resize(static_cast<std::size_t>(end - begin));
  convert(type, from, strides[3], room);
  return room.data();
}

ImageView turned(ImageView image, const Reorientation& turning) {
  const ImageView before = image;
  for (std::size_t axis = 0; axis < 3; ++axis) {  // x, y, z
    const std::size_t to = 3 - axis, from = 3 - static_cast<std::size_t>(turning.source[axis]);
    image.shape[to] = before.shape[from];
    image.strides[to] = turning.flipped[axis] ? -before.strides[from] : before.strides[from];
    if (turning.flipped[axis]) image.voxels += before.strides[from] * (before.shape[from] - 1);
  }
  return image;
}

}  // namespace nnunet
