#pragma once
#include <filesystem>

#include "nnunet/core/array.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/image_properties.h"

namespace nnunet {

/// A label map on the axes that nnU-Net works on: for readers that reorient, turned by its own affine.
struct CaseLabels {
  Array<std::uint16_t> voxels;  ///< (D,H,W)
  ReaderProperties properties;
};
/// Throws Error as read_label_file.
CaseLabels read_label_case(const std::filesystem::path& path, const ImageFormat& format);

}  // namespace nnunet
