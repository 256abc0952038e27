#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/image_file.h"
#include "nnunet/io/image_orientation.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/io/nifti.h"

/// Images to segment and the names of their label maps, as `predict` and `client` take and give them.
namespace nnunet {

/// Which files are images, and how they are read and label maps written. As it is: NIfTI.
struct ImageFormat {
  std::string ending = {};  ///< of a model's images, ".nrrd"; empty: .nii and .nii.gz
  ImageReader reader = ImageReader::automatic;
  /// nnU-Net's names: also an image of one channel is CASE_0000.
  bool numbered = false;

  bool is_nifti() const;
  bool accepts(const std::filesystem::path& file) const;
  /// The name without the ending.
  std::string stem(const std::filesystem::path& file) const;
  std::string output_ending() const { return ending.empty() ? ".nii.gz" : ending; }
  /// "*.nii or *.nii.gz"
  std::string pattern() const;
};

/// One image to segment: a file, or a file a channel.
struct ImageCase {
  std::string name;                             ///< file name without .nii / .nii.gz and without _0000
  std::vector<std::filesystem::path> channels;  ///< one 3D or 4D file, or a 3D file each channel
  std::string problem;                          ///< why it cannot be segmented (a channel is missing, say); empty: none
  std::filesystem::path previous = {};          ///< of a cascade: the previous stage's label map; empty: none
  /// Reads it, where `channels` are no images by themselves but only the files that it is made from (a DICOM series).
  std::function<Image()> read = {};

  /// All files that its label map is made from.
  std::vector<std::filesystem::path> sources() const;
};

/// What INPUT, an image or a folder of them, holds, in order of names. For networks of several channels,
/// NAME_0000.nii.gz, NAME_0001.nii.gz, ... are the channels of case NAME (any of them as INPUT stands for all); a file
/// that has all channels itself (4D) is a case whatever it is called. Throws Error when there is nothing to segment.
std::vector<ImageCase> list_image_cases(const std::filesystem::path& input, int in_channels,
                                        const ImageFormat& format = {});

/// The channel that nnU-Net's names give a file: "heart_0001" -> {"heart", 1}; nothing for names without such an
/// ending.
struct ChannelName {
  std::string name;
  int channel;
};
std::optional<ChannelName> channel_name(const std::string& stem);

/// Reads a case's channels into one image with the first one's geometry. Throws Error for channels of different shapes
/// (and, of nnU-Net's formats, different spacings); another affine is a warning.
Image read_image_case(const ImageCase& c, const ImageFormat& format = {});

/// A case's image on the axes that a network's preprocessing begins with, and how label maps get back to the file's.
struct CaseImage {
  Image image;
  Geometry original;                         ///< of the file: label maps get it
  std::optional<Reorientation> turned = {};  ///< of readers that reorient
  ReaderProperties properties = {};

  template <class T>
  Array<T> on_file_axes(Array<T> labels) const {
    return turned ? turned->undo(labels) : std::move(labels);
  }
};
/// Throws Error as read_image_case.
CaseImage read_case_image(const ImageCase& c, const ImageFormat& format);
/// Labels (D,H,W) of a file, on the axes of a case's image. Throws Error for another shape.
Array<std::uint16_t> read_case_labels(const std::filesystem::path& path, const CaseImage& image,
                                      const ImageFormat& format);

/// The same wherever they come from: read(i) and name(i), for messages, are asked for each channel.
Image read_channels(std::size_t channels, const std::function<Image(std::size_t)>& read,
                    const std::function<std::string(std::size_t)>& name);

/// Throws Error for a name that is neither a folder's nor that of such an image (map.mha): call it before any work.
void require_label_output(const std::filesystem::path& output, const ImageFormat& format = {});
/// True for a label map of its own name: one that ends as an image does and is no folder.
bool is_file_output(const std::filesystem::path& output, const ImageFormat& format = {});
/// Where a case's label map goes: OUTPUT itself where it is a file, else OUTPUT/<name> and the format's ending.
std::filesystem::path label_output(const ImageCase& c, const std::filesystem::path& output,
                                   const ImageFormat& format = {});
/// Whether a path, which need not be there, is the folder or lies below it.
bool lies_inside(const std::filesystem::path& path, const std::filesystem::path& folder);
/// User files are never modified: throws Error when an output would be an input file or lie inside the input folder,
/// a folder of images become one file, or an output's name be refused by require_label_output or the file system.
void protect_inputs(const std::vector<ImageCase>& cases, const std::filesystem::path& input,
                    const std::filesystem::path& output, const ImageFormat& format = {});

}  // namespace nnunet
