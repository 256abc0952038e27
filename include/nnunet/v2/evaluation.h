#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/python_json.h"

/// summary.json: how predicted label maps agree with references (contract-v2-run, section 7).
namespace nnunet::v2 {

/// Voxels of one label or region in one case; those whose reference is the ignore label are left out.
struct Counts {
  std::int64_t tp = 0, fp = 0, fn = 0, tn = 0;

  /// NaN where it is in neither map.
  double dice() const;
  double iou() const;
};

/// One for each of `labels`. Throws Error (no subject) where the shapes differ.
std::vector<Counts> compare_label_maps(const Array<std::uint16_t>& reference, const Array<std::uint16_t>& prediction,
                                       const std::vector<LabelOrRegion>& labels, std::optional<int> ignore);

struct CaseResult {
  std::string reference_file, prediction_file;
  std::vector<Counts> counts;
};

/// In the order of kMetrics.
inline constexpr std::array<const char*, 8> kMetrics{"Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"};
using MeanMetrics = std::array<double, kMetrics.size()>;

struct Summary {
  std::vector<LabelOrRegion> labels;
  std::vector<CaseResult> cases;
  std::vector<MeanMetrics> mean;  ///< of each label over the cases where it is not NaN
  MeanMetrics foreground_mean{};  ///< of all labels but 0; NaN where one of them is

  double dice() const { return foreground_mean[0]; }
};

Summary summarize(const std::vector<LabelOrRegion>& labels, std::vector<CaseResult> cases);

/// The content of summary.json, and its part {foreground_mean, mean}.
Json summary_json(const Summary& summary);
Json means_json(const Summary& summary);

/// What summary.json says of the means: Dice of each label's key, and of "foreground_mean". Throws Error.
struct SummaryDice {
  double foreground_mean = 0;
  std::map<std::string, double> mean;
  Json means;  ///< {foreground_mean, mean} as in the file
};
SummaryDice summary_dice(const Summary& summary);
SummaryDice read_summary_dice(const std::filesystem::path& summary_json);

struct EvaluationOptions {
  std::string references, predictions;  ///< folders, as summary.json shall show them
  std::string file_ending;
  std::vector<LabelOrRegion> labels;
  std::optional<int> ignore;
  int threads = 1;
  bool chill = true;  ///< references without a prediction are no error
};

/// Evaluates each prediction with that ending against the reference of the same name. A case that cannot be read, or
/// has no reference, is named on the log, left out and counted in `failed`. Throws Error where no case is left, and,
/// unless chill, for references without a prediction. Shows progress.
struct FolderEvaluation {
  Summary summary;
  int failed = 0;
};
FolderEvaluation evaluate_folder(const EvaluationOptions& options);

}  // namespace nnunet::v2
