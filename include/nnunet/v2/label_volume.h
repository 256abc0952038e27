#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/array.h"
#include "nnunet/io/image_file.h"

namespace nnunet::v2 {

/// A label map: labels (D,H,W) and where they lie.
using LabelVolume = WideLabelMap;

/// The one place where the commands read images, and read and write label maps. Throw Error.
Image read_image(const std::filesystem::path& path);
LabelVolume read_label_volume(const std::filesystem::path& path);
/// uint8 where every label is below 255, else uint16; atomic.
void write_label_volume(const std::filesystem::path& path, const LabelVolume& volume);

}  // namespace nnunet::v2
