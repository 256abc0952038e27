#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/v2/dataset_labels.h"

namespace nnunet::v2 {

/// A case to be merged: the probabilities of several models, each with its properties beside it (.pkl).
struct EnsembleCase {
  std::string name;
  std::vector<std::filesystem::path> npz;
};

struct MergeOptions {
  std::filesystem::path output;  ///< folder
  DatasetLabels labels;
  bool save_probabilities = false;  ///< CASE.npz and CASE.pkl, too
  int threads = 1;
};

/// The mean of the probabilities (float32) and its label map: the largest class, lowest at ties, or the regions above a
/// half. In memory are some volumes of one class a case, never all classes. Failed cases are named; returns how many.
int merge_cases(const std::vector<EnsembleCase>& cases, const MergeOptions& options);

/// Merges folders of the same names, outputs of nnUNetv2_predict --save_probabilities. dataset.json and geometry are
/// those of the first. Throws Error where a case is not in all of them.
int ensemble_folders(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& output,
                     bool save_probabilities, int threads);

}  // namespace nnunet::v2
