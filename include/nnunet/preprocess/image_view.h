#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/image_orientation.h"

namespace nnunet {

enum class NumberType { uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64 };

/// An image (C,D,H,W) in somebody else's memory, in any order and of any type of numbers, which become float32.
struct ImageView {
  const std::byte* voxels = nullptr;  ///< the first one, aligned for its type
  NumberType type = NumberType::float32;
  std::array<std::int64_t, 4> shape{};
  std::array<std::int64_t, 4> strides{};  ///< bytes; may be negative
  Spacing3 spacing{};                     ///< mm, (z,y,x)

  ImageView() = default;
  /// (C,D,H,W)
  ImageView(const Array<float>& array, const Spacing3& mm = {});

  Shape3 spatial() const { return {shape[1], shape[2], shape[3]}; }
  /// Voxels [begin, end) of line (c,z,y): where they lie, or, where they are no floats side by side, converted into
  /// room, whose memory is used again.
  const float* line(std::int64_t c, std::int64_t z, std::int64_t y, std::int64_t begin, std::int64_t end,
                    std::vector<float>& room) const;
};

/// Strides of an array that lies in one piece, its last axis innermost; bytes: of a number.
void set_c_order(ImageView& view, std::int64_t bytes);

/// The image on the axes that a reader turns it to; nothing is moved. spacing stays for the caller to set.
ImageView turned(ImageView image, const Reorientation& turning);

}  // namespace nnunet
