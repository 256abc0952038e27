#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "nnunet/core/array.h"
#include "nnunet/infer/logit_sink.h"
#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/preprocess_plan.h"

namespace nnunet {

/// How logits come back to the original grid (ResamplingRule of the plan's logits).
struct LogitResampling {
  Resampler method = Resampler::spline;
  int order = 1;         ///< 0 nearest neighbour, 1 linear
  int order_across = 0;  ///< the same along the separate axis
  /// Resampled apart from the others (separate_axis() of the network's spacing and the image's), if any.
  std::optional<int> separate_axis = {};

  bool operator==(const LogitResampling&) const = default;
};

/// What undoes preprocessing: where the crop box lies in the original grid, and how the case was resampled. Axes are
/// the network's: its axis i is the image's axis transpose[i] of (z,y,x).
struct OriginalGrid {
  Shape3 crop_start{}, crop_end{};  ///< bounding box in the original grid, end exclusive (D,H,W)
  Shape3 shape{};                   ///< of the original image (D,H,W)
  LogitResampling resampling = {};
  std::array<int, 3> transpose{0, 1, 2};
  /// What logits mean. Without entries: one class each, at most 256.
  LabelSpec labels = {};

  /// In the image's own axes.
  Shape3 image_shape() const;
};

/// Whether labels are 16 bits wide: the type allows it and there are 255 foreground labels or more.
bool has_wide_labels(const LabelSpec& labels);

/// Nowhere, a .npy file, or somebody's memory, which outlives the sink.
using ProbabilityPlace = std::variant<std::monostate, std::filesystem::path, ClassVolume>;

/// Brings logits on the preprocessed grid back to the original one while they stream by: resampled to the crop box on
/// the half-pixel grid, then each voxel's label, or the probabilities of all; then the image's axes. Outside the box
/// the label is 0, the probability of class 0 is 1 and that of regions 0. Line by line: no array of all classes is
/// made.
///
/// Labels: the largest class, the first one of equal ones; or regions, whose probability (sigmoid, float32) is above a
/// half, later ones over earlier ones.
/// Float32 logits are resampled in float32. Float16 ones, as nnU-Net v2 does: by splines in double, rounded to float16
/// again; by torch's interpolation in float32; where shapes agree not at all; and where probabilities are wanted, the
/// label is that of the largest probability.
class RestoreSink final : public LogitSink {
 public:
  /// labels: whether labels() is wanted; probabilities: where the softmax, or sigmoids, (K, image's axes) float32 goes.
  /// Throws Error (name) when the box does not lie within the original grid, and for a resampling that is not known.
  RestoreSink(std::string name, const OriginalGrid& grid, bool labels, ProbabilityPlace probabilities = {});
  ~RestoreSink() override;
  RestoreSink(RestoreSink&&) noexcept;
  RestoreSink& operator=(RestoreSink&&) noexcept;

  /// Throws Error for more classes than labels can name, another number of them than the grid's labels need, or when
  /// the file cannot be written.
  void begin(std::int64_t classes, const Shape3& shape) override;
  void take(const FinishedLogits& logits) override;

  bool has_wide_labels() const;
  /// (D,H,W) in the image's axes; empty where labels are wide.
  Array<std::uint8_t>& labels();
  /// The same of wide labels.
  Array<std::uint16_t>& wide_labels();
  /// Gives the file of probabilities its name, which it did not have before. Call after the last lines. Memory needs
  /// none.
  void save_probabilities();

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace nnunet
