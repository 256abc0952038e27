#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nnunet/data/case_store.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/evaluation.h"

/// The validation that ends a training (contract-v2-run, sections 4 and 6): the fold's cases from their preprocessed
/// files, whole, with label maps in the geometry of their images.
namespace nnunet::v2 {

/// Where a cascade's next stage finds what this stage predicted.
struct NextStage {
  const CaseStore& cases;        ///< the next stage's, whose shapes the label maps get
  std::filesystem::path folder;  ///< predicted_next_stage/CONFIGURATION
};

struct FoldValidation {
  const CaseStore& cases;
  std::vector<std::string> names;  ///< of these
  std::filesystem::path output;    ///< fold_N/validation
  std::string file_ending;         ///< of label maps
  ImageReader reader = ImageReader::automatic;
  bool save_probabilities = false;  ///< also CASE.npz and CASE.pkl
  std::vector<NextStage> next_stages = {};
  /// Before each case, on the calling thread: its name and shape (C,D,H,W). May throw to end the validation.
  std::function<void(const std::string&, const std::vector<std::int64_t>&)> before_case = {};
};

/// A case that fails is named on the log, and the others go on.
CaseCounts predict_fold(Predictor& predictor, const FoldValidation& fold);

/// Evaluates the label maps in `output` against the references and writes summary.json there. As nnU-Net's own: all
/// label maps that lie there count. Throws Error where none can be evaluated.
FolderEvaluation evaluate_fold(const std::filesystem::path& output, const std::filesystem::path& references,
                               const DatasetLabels& labels, int threads);

}  // namespace nnunet::v2
