#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/part.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/io/image_case.h"

namespace nnunet {

struct ImagePredictionOptions {
  std::filesystem::path input, output;  ///< FILE -> FILE or FOLDER, FOLDER -> FOLDER
  bool save_probabilities = false;      ///< also probabilities/<case>.npy beside it, softmax float32 (classes,D,H,W)
  bool overlays = false;                ///< also <case>.png beside it
  bool overwrite = false;               ///< existing outputs are made anew, whoever made them
  std::int64_t limit = 0;               ///< > 0: only the first so many
  Part part;                            ///< of these images, where several processes share the work
};

struct ImagePredictionResult {
  std::int64_t predicted = 0, kept = 0, failed = 0;
};

/// Segments images: each becomes a uint8 label map (<case>.nii.gz) in its own geometry. The next image is read and
/// preprocessed, and the last one restored and written, beside the network. A label map that is there is kept when its
/// record (io/output_record.h) says that the same network, options and image would make it again, else made anew, with
/// a line in the log; one that this program did not make, or that was edited since, is refused unless overwrite. A case
/// that fails is reported and left out.
/// Inputs are never modified: throws Error when an output would be an input file or lie inside the input folder; also
/// when there is no input, or the output cannot be written.
ImagePredictionResult predict_images(Predictor& predictor, const ImagePredictionOptions& options);

}  // namespace nnunet
