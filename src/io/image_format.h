#pragma once
#include <filesystem>
#include <string>

#include "nnunet/io/image_reader.h"

namespace nnunet {

enum class ImageFormat { none, nifti, nrrd, metaimage, gipl, png, bmp, tiff };

/// By the file's ending.
ImageFormat image_format(const std::filesystem::path& path);
/// The same; throws Error for other endings, and for those that the reader does not take.
ImageFormat readable_format(const std::filesystem::path& path, ImageReader reader);

/// The name without folder and ending.
std::string image_stem(const std::filesystem::path& path);

}  // namespace nnunet
