#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "nnunet/infer/image_prediction_options.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/io/image_case.h"

namespace nnunet {

struct ImagePredictionResult {
  std::int64_t predicted = 0, kept = 0, failed = 0;
  std::vector<std::filesystem::path> kept_outputs = {};  ///< label maps, or what was made in their place
};

/// Segments images: each becomes a uint8 label map (<case>.nii.gz) in its own geometry. The next image is read and
/// preprocessed, and the last one restored and written, beside the network. A label map that is there is kept when its
/// record (io/output_record.h) says that the same network, options and image would make it again, else made anew, with
/// a line in the log; one that this program did not make, or that was edited since, is refused unless overwrite. A case
/// that fails is reported and left out.
/// Inputs are never modified: throws Error when an output would be an input file or lie inside the input folder; also
/// when there is no input, or the output cannot be written.
ImagePredictionResult predict_images(Predictor& predictor, const ImagePredictionOptions& options);

/// The same for a list of images, wherever they lie (options.input does not count). A case's name is the path of its
/// label map in the folder options.output, without the ending.
ImagePredictionResult predict_images(Predictor& predictor, std::vector<ImageCase> cases,
                                     const ImagePredictionOptions& options);

}  // namespace nnunet
