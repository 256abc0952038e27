#include "image_format.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/io/image_file.h"
#include "nnunet/io/names.h"

namespace nnunet {

namespace {

constexpr std::array<std::pair<std::string_view, ImageFormat>, 11> kEndings{{{".nii.gz", ImageFormat::nifti},
                                                                             {".nii", ImageFormat::nifti},
                                                                             {".nrrd", ImageFormat::nrrd},
                                                                             {".nhdr", ImageFormat::nrrd},
                                                                             {".mha", ImageFormat::metaimage},
                                                                             {".mhd", ImageFormat::metaimage},
                                                                             {".gipl", ImageFormat::gipl},
                                                                             {".png", ImageFormat::png},
                                                                             {".bmp", ImageFormat::bmp},
                                                                             {".tiff", ImageFormat::tiff},
                                                                             {".tif", ImageFormat::tiff}}};

bool takes(ImageReader reader, ImageFormat format) {
  switch (reader) {
    case ImageReader::automatic:
      return true;
    case ImageReader::simple_itk:
    case ImageReader::simple_itk_reorient:
      return format != ImageFormat::tiff;
    case ImageReader::nibabel:
    case ImageReader::nibabel_reorient:
      return format == ImageFormat::nifti;
    case ImageReader::natural_image_2d:
      return format == ImageFormat::png || format == ImageFormat::bmp || format == ImageFormat::tiff;
    case ImageReader::tiff_3d:
      return format == ImageFormat::tiff;
  }
  return false;
}

}  // namespace

bool is_image_name(const std::filesystem::path& path) {
  return image_format(path) != ImageFormat::none;
}

ImageFormat image_format(const std::filesystem::path& path) {
  for (const auto& [ending, format] : kEndings)
    if (has_suffix(path, ending)) return format;
  return ImageFormat::none;
}

ImageFormat readable_format(const std::filesystem::path& path, ImageReader reader) {
  const ImageFormat format = image_format(path);
  if (format == ImageFormat::none)
    throw Error(path.string(), "is no image by its name",
                "images are .nii.gz, .nii, .nrrd, .nhdr, .mha, .mhd, .gipl, .png, .bmp, .tif and .tiff");
  if (!takes(reader, format))
    throw Error(path.string(), fmt::format("is not of a kind that {} reads", image_reader_name(reader)),
                "convert it, or use another reader");
  return format;
}

std::string image_stem(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  for (const auto& [ending, format] : kEndings) {
    if (!has_suffix(path, ending)) continue;
    name.resize(name.size() - ending.size());
    break;
  }
  return name;
}

}  // namespace nnunet
