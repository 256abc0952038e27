#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which of nnU-Net v2's readers takes a file: it decides what the voxels and the spacing are.
namespace nnunet {

/// automatic: by the file's ending alone; .tif is a picture where it can be one.
enum class ImageReader {
  automatic,
  simple_itk,
  simple_itk_reorient,
  nibabel,
  nibabel_reorient,
  natural_image_2d,
  tiff_3d
};

/// "SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient", "NaturalImage2DIO", "Tiff3DIO", as
/// plans and dataset.json name them; nothing for other names.
std::optional<ImageReader> image_reader_from_name(std::string_view name);
std::string image_reader_name(ImageReader reader);

/// Whether it opens NIfTI files.
bool takes_nifti(ImageReader reader);

/// Whether it turns images to RAS axes first (image_orientation.h).
bool reorients(ImageReader reader);

/// Endings, in lower case with their dot, that the reader lists; it opens more of them when asked by name.
std::vector<std::string> listed_endings(ImageReader reader);

/// The first reader in nnU-Net's order that lists the ending (any case of letters) and opens the file, where one is
/// given. any_ending: readers of other endings are tried, too. Throws Error when there is none, with the last reader's
/// reason.
ImageReader choose_reader(const std::string& file_ending, const std::filesystem::path& first_file = {},
                          bool any_ending = false);

}  // namespace nnunet
