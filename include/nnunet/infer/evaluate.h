#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/data/bad_cases.h"
#include "nnunet/data/folder.h"
#include "nnunet/eval/dice.h"
#include "nnunet/infer/sliding_window.h"

namespace nnunet {

/// Dice per class over validation volumes, in percent (contract, section 4, "Metric"), and the mean loss.
struct ValidationResult {
  std::vector<ClassDice> dice;      ///< per foreground class, 0-100
  std::optional<double> mean_dice;  ///< over the classes that occur; none when no class does
  double loss = 0;                  ///< mean over volumes of the loss on the blended logits
  std::int64_t volumes = 0;
};

/// A label map (D,H,W) in somebody else's memory.
struct LabelView {
  std::span<const std::uint8_t> values;
  std::vector<std::int64_t> shape;
};

/// Adds up volumes: per class 2TP/(2TP+FP+FN), 1 when absent from both, 0 when absent from the label only.
class DiceMetric {
 public:
  explicit DiceMetric(int n_class);
  /// label: of the prediction's shape (D,H,W).
  void add(const Array<std::uint8_t>& prediction, const LabelView& label);
  /// Without a loss.
  ValidationResult result() const;
  std::int64_t volumes() const { return volumes_; }
  /// Adds up the processes' volumes by `sum`, which replaces numbers by their sums over the processes; `with` too.
  void combine(const std::function<void(std::span<double>)>& sum, double& with);

 private:
  std::vector<double> sums_;
  std::vector<std::int64_t> cases_;  ///< volumes with the class in label or prediction
  std::int64_t volumes_ = 0;
};

/// Loss of a volume's blended logits (K,D,H,W) against its label.
using LossFunction = std::function<double(const Array<float>& logits, const LabelView& label)>;

/// What validate is told beside the windows.
struct ValidationOptions {
  std::int64_t limit = 0;       ///< > 0: only the first so many cases
  int rank = 0, processes = 1;  ///< the processes share the cases
  /// Replaces numbers by their sums over the processes; needed where there are several.
  std::function<void(std::span<double>)> sum = {};
  BadCases* bad_cases = nullptr;  ///< takes cases that cannot be read, which are left out; null: they are Errors
  /// Called before each case, by all processes equally often; may throw to end the validation.
  std::function<void()> before_case = {};
};

/// Validates cases (names) of a preprocessed folder, one volume at a time: 3D sliding window, 2D slice by slice on the
/// centre-cropped planes (a sliding window in the plane where they are not cropped to the patch). loss may be empty.
/// Shows progress. Throws Error for cases without a label, or with one that does not fit.
ValidationResult validate(const PreprocessedFolder& folder, const std::vector<std::string>& cases, WindowLane& lane,
                          const LossFunction& loss, const WindowOptions& windows,
                          const ValidationOptions& options = {});

}  // namespace nnunet
