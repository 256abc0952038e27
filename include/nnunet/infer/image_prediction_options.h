#pragma once
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <vector>

#include "nnunet/core/part.h"
#include "nnunet/io/image_case.h"

namespace nnunet {

/// Writes a case's labels (D,H,W) as something else than an image, atomically, to the path that its label map would
/// have. From any thread, one case at a time.
using LabelWriter = std::function<void(const ImageCase& c, const Array<std::uint16_t>& labels, const Geometry& geometry,
                                       const std::filesystem::path& path)>;

struct ImagePredictionOptions {
  ImageFormat format;                   ///< of images and label maps
  std::filesystem::path input, output;  ///< FILE -> FILE or FOLDER, FOLDER -> FOLDER
  std::vector<ImageCase> cases;         ///< what `input` holds, where it is not files of the format; empty: those
  LabelWriter write_labels;             ///< empty: as the format says
  std::vector<std::filesystem::path> more_channels = {};  ///< of an input FILE: its further channels, a file each
  bool save_probabilities = false;       ///< also probabilities/<case>.npy beside it, softmax float32 (classes,D,H,W)
  bool overlays = false;                 ///< also <case>.png beside it
  bool overwrite = false;                ///< existing outputs are made anew, whoever made them
  std::filesystem::path previous_stage;  ///< cascades: folder of the previous stage's label maps
  std::int64_t limit = 0;                ///< > 0: only the first so many
  Part part;                             ///< of these images, where several processes share the work
  std::function<void(double share)> progress = {};  ///< 0 to 1, after each window; by the thread that made the call
  /// Told of a case that failed; empty: the log is.
  std::function<void(const ImageCase& c, const std::exception& e)> failed = {};
};

}  // namespace nnunet
