#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "nnunet/core/array.h"

/// Arrays as blosc2 packs them (.b2nd), which nnU-Net v2 keeps its preprocessed cases in. The library that reads them
/// is loaded when it is first needed.
namespace nnunet::v2 {

/// Whether that library is there. why_not: what is missing.
bool can_read_b2nd(std::string* why_not = nullptr);

/// A whole array of float32. Throws Error: the library is missing, another type of values, damaged, more values than
/// limits::image_voxels.
Array<float> read_b2nd_floats(const std::filesystem::path& file);
/// The same of int8 or int16.
Array<std::int16_t> read_b2nd_labels(const std::filesystem::path& file);

}  // namespace nnunet::v2
