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

constexpr std::array<std::pair<std::string_view, FileFormat>, 11> kEndings{{{".nii.gz", FileFormat::nifti},
                                                                            {".nii", FileFormat::nifti},
                                                                            {".nrrd", FileFormat::nrrd},
                                                                            {".nhdr", FileFormat::nrrd},
                                                                            {".mha", FileFormat::metaimage},
                                                                            {".mhd", FileFormat::metaimage},
                                                                            {".gipl", FileFormat::gipl},
                                                                            {".png", FileFormat::png},
                                                                            {".bmp", FileFormat::bmp},
                                                                            {".tiff", FileFormat::tiff},
                                                                            {".tif", FileFormat::tiff}}};

bool takes(ImageReader reader, FileFormat format) {
  switch (reader) {
    case ImageReader::automatic:
      return true;
    case ImageReader::simple_itk:
    case ImageReader::simple_itk_reorient:
      return format != FileFormat::tiff;
    case ImageReader::nibabel:
    case ImageReader::nibabel_reorient:
      return format == FileFormat::nifti;
    case ImageReader::natural_image_2d:
      return format == FileFormat::png || format == FileFormat::bmp || format == FileFormat::tiff;
    case ImageReader::tiff_3d:
      return format == FileFormat::tiff;
  }
  return false;
}

}  // namespace

bool is_image_name(const std::filesystem::path& path) {
  return image_format(path) != FileFormat::none;
}

FileFormat image_format(const std::filesystem::path& path) {
  for (const auto& [ending, format] : kEndings)
    if (has_suffix(path, ending)) return format;
  return FileFormat::none;
}

FileFormat readable_format(const std::filesystem::path& path, ImageReader reader) {
  const FileFormat format = image_format(path);
  if (format == FileFormat::none)
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
