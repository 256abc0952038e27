#pragma once
#include <cstdint>
#include <optional>

#include "nnunet.h"
#include "nnunet/core/array.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/io/image_orientation.h"
#include "nnunet/preprocess/image_view.h"

namespace nnunet::c_api {

inline bool is_there(const nnunet_array& array) {
  return array.data != nullptr;
}

/// A caller's array; with three axes as one channel. name: for messages. Throws InvalidCall for an unknown type, axes
/// that cannot be, and numbers that are not aligned.
ImageView view_of(const nnunet_array& array, const char* name);

/// The same to be written to, of this shape (channels, axes). Throws InvalidCall for another one, too, and for axes
/// along which nothing moves.
ImageView output_view(const nnunet_array& array, const char* name, std::int64_t channels, const Shape3& shape);
/// Its numbers, which are float32.
ClassVolume class_volume(const ImageView& view, const char* name);

/// Float32 in C order. Throws InvalidCall for others.
const float* plain_floats(const ImageView& view, const char* name);

/// Labels (D,H,W) from numbers of any type. Throws Error (name) for values that are no whole numbers from 0 to most.
Array<std::uint16_t> labels_in(const ImageView& view, const std::string& name, int most = 65535);

/// Labels (D,H,W) into a view of uint8 or uint16.
void write_labels(const Array<std::uint8_t>& labels, const ImageView& to);
void write_labels(const Array<std::uint16_t>& labels, const ImageView& to);

}  // namespace nnunet::c_api
