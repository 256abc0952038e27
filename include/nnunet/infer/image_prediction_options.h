#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/core/part.h"
#include "nnunet/io/image_case.h"

namespace nnunet {

struct ImagePredictionOptions {
  ImageFormat format;                    ///< of images and label maps
  std::filesystem::path input, output;   ///< FILE -> FILE or FOLDER, FOLDER -> FOLDER
  bool save_probabilities = false;       ///< also probabilities/<case>.npy beside it, softmax float32 (classes,D,H,W)
  bool overlays = false;                 ///< also <case>.png beside it
  bool overwrite = false;                ///< existing outputs are made anew, whoever made them
  std::filesystem::path previous_stage;  ///< cascades: folder of the previous stage's label maps
  std::int64_t limit = 0;                ///< > 0: only the first so many
  Part part;                             ///< of these images, where several processes share the work
};

}  // namespace nnunet
