#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/infer/logit_sink.h"

namespace nnunet {

/// What undoes preprocessing: where the crop box lies in the original grid, and how the case was resampled.
struct OriginalGrid {
  Shape3 crop_start{}, crop_end{};  ///< bounding box in the original grid, end exclusive (D,H,W)
  Shape3 shape{};                   ///< of the original image (D,H,W)
  bool anisotropic = false;         ///< resampled in-plane, z by nearest neighbour
};

/// Brings logits on the preprocessed grid back to the original one while they stream by: resampled linearly on the
/// half-pixel grid to the crop box, then each voxel's largest class, or the softmax of all; outside the box background
/// with probability 1. Line by line: no array of all classes is made.
class RestoreSink final : public LogitSink {
 public:
  /// labels: whether labels() is wanted; probabilities: the .npy file for the softmax (K,D,H,W) float32, if any.
  /// Throws Error (name) when the box does not lie within the original grid.
  RestoreSink(std::string name, const OriginalGrid& grid, bool labels,
              std::optional<std::filesystem::path> probabilities = std::nullopt);
  ~RestoreSink() override;
  RestoreSink(RestoreSink&&) noexcept;
  RestoreSink& operator=(RestoreSink&&) noexcept;

  /// Throws Error for more than 256 classes, or when the file cannot be written.
  void begin(std::int64_t classes, const Shape3& shape) override;
  void take(const FinishedLogits& logits) override;

  /// (D,H,W) in the original grid.
  Array<std::uint8_t>& labels();
  /// Gives the file of probabilities its name, which it did not have before. Call after the last lines.
  void save_probabilities();

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace nnunet
