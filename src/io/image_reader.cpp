#include "nnunet/io/image_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/io/image_file.h"
#include "text_header.h"

namespace nnunet {

namespace {

constexpr std::array<std::pair<ImageReader, std::string_view>, 6> kNames{
    {{ImageReader::simple_itk, "SimpleITKIO"},
     {ImageReader::simple_itk_reorient, "SimpleITKIOWithReorient"},
     {ImageReader::nibabel, "NibabelIO"},
     {ImageReader::nibabel_reorient, "NibabelIOWithReorient"},
     {ImageReader::natural_image_2d, "NaturalImage2DIO"},
     {ImageReader::tiff_3d, "Tiff3DIO"}}};

/// nnU-Net's order; SimpleITKIOWithReorient is used by name only.
constexpr std::array kOrder{ImageReader::natural_image_2d, ImageReader::simple_itk, ImageReader::tiff_3d,
                            ImageReader::nibabel, ImageReader::nibabel_reorient};

/// Why the reader does not open the file; empty where it does. A NIfTI file's header tells.
std::string problem_with(const std::filesystem::path& file, ImageReader reader) {
  try {
    const bool by_header = is_nifti_name(file) && takes_nifti(reader);
    by_header ? void(read_nifti_info(file)) : void(read_image_file(file, reader));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

std::optional<ImageReader> image_reader_from_name(std::string_view name) {
  for (const auto& [reader, known] : kNames)
    if (known == name) return reader;
  return std::nullopt;
}

std::string image_reader_name(ImageReader reader) {
  for (const auto& [known, name] : kNames)
    if (known == reader) return std::string(name);
  return "automatic";
}

bool takes_nifti(ImageReader reader) {
  return reader != ImageReader::natural_image_2d && reader != ImageReader::tiff_3d;
}

bool reorients(ImageReader reader) {
  return reader == ImageReader::simple_itk_reorient || reader == ImageReader::nibabel_reorient;
}

std::vector<std::string> listed_endings(ImageReader reader) {
  switch (reader) {
    case ImageReader::natural_image_2d:
      return {".png", ".bmp", ".tif"};
    case ImageReader::simple_itk:
    case ImageReader::simple_itk_reorient:
      return {".nii.gz", ".nrrd", ".mha", ".gipl"};
    case ImageReader::tiff_3d:
      return {".tif", ".tiff"};
    case ImageReader::nibabel:
    case ImageReader::nibabel_reorient:
      return {".nii", ".nii.gz"};
    case ImageReader::automatic:
      break;
  }
  return {};
}

ImageReader choose_reader(const std::string& file_ending, const std::filesystem::path& first_file, bool any_ending) {
  const std::string ending = lower_case(file_ending);
  std::string problem;
  for (const ImageReader reader : kOrder) {
    const auto endings = listed_endings(reader);
    const bool listed = std::ranges::find(endings, ending) != endings.end();
    if (!listed && !(any_ending && !first_file.empty())) continue;
    if (first_file.empty()) return reader;
    const std::string found = problem_with(first_file, reader);
    if (found.empty()) return reader;
    if (listed || problem.empty()) problem = found;
  }
  if (problem.empty())
    throw Error(file_ending, "is an ending that no reader of nnU-Net lists",
                "set \"overwrite_image_reader_writer\" in dataset.json, or convert the images");
  throw Error(fmt::format("images that end in {}", file_ending), fmt::format("no reader opens them: {}", problem));
}

}  // namespace nnunet
