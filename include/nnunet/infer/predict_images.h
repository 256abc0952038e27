#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/part.h"
#include "nnunet/infer/predictor.h"

namespace nnunet {

/// One image to segment: a file, or a file a channel.
struct ImageCase {
  std::string name;                             ///< file name without .nii / .nii.gz and without _0000
  std::vector<std::filesystem::path> channels;  ///< one 3D or 4D file, or a 3D file each channel
  std::string problem;                          ///< why it cannot be segmented (a channel is missing, say); empty: none
};

/// What INPUT, a NIfTI file or a folder of them, holds, in order of names. For networks of several channels,
/// NAME_0000.nii.gz, NAME_0001.nii.gz, ... are the channels of case NAME (any of them as INPUT stands for all); a file
/// that has all channels itself (4D) is a case whatever it is called. Throws Error when there is nothing to segment.
std::vector<ImageCase> list_image_cases(const std::filesystem::path& input, int in_channels);

/// Reads a case's channels into one image with the first one's geometry. Throws Error for channels of different shapes;
/// another affine is a warning.
Image read_image_case(const ImageCase& c);

struct ImagePredictionOptions {
  std::filesystem::path input, output;  ///< FILE -> FILE or FOLDER, FOLDER -> FOLDER
  bool save_probabilities = false;      ///< also probabilities/<case>.npy beside it, softmax float32 (classes,D,H,W)
  bool overlays = false;                ///< also <case>.png beside it
  bool overwrite = false;               ///< existing outputs are made anew, not kept
  std::int64_t limit = 0;               ///< > 0: only the first so many
  Part part;                            ///< of these images, where several processes share the work
};

struct ImagePredictionResult {
  std::int64_t predicted = 0, kept = 0, failed = 0;
};

/// Segments images: each becomes a uint8 label map (<case>.nii.gz) in its own geometry. The next image is read and
/// preprocessed, and the last one restored and written, beside the network. A case that fails is reported and left out.
/// Inputs are never modified: throws Error when an output would be an input file or lie inside the input folder; also
/// when there is no input, or the output cannot be written.
ImagePredictionResult predict_images(Predictor& predictor, const ImagePredictionOptions& options);

}  // namespace nnunet
