#pragma once
#include <filesystem>
#include <string>
#include <vector>

/// nnU-Net v2's folders, which environment variables name, and the names of what lies in them.
namespace nnunet::v2 {

/// $nnUNet_raw, $nnUNet_preprocessed, $nnUNet_results. Throw Error, saying how to set it, where it is not set: each is
/// asked for only by what needs it.
std::filesystem::path raw_folder();
std::filesystem::path preprocessed_folder();
std::filesystem::path results_folder();

/// For -np: cases at a time, at most one a core. asked: 0 or less: $nnUNet_def_n_proc, else 8.
int case_threads(int asked);

/// "4" or "Dataset004_Hippocampus" -> "Dataset004_Hippocampus"; a number is looked up in the three folders that are
/// set. So is the name of a folder that is given itself: a path, or Task04_Hippocampus in $nnUNet_raw. Throws Error
/// where none, or more than one name, has that number.
std::string dataset_name(const std::string& name_or_id);
/// The raw dataset that the same word means: $nnUNet_raw/Dataset004_Hippocampus, or the folder that was given. It need
/// not be there.
std::filesystem::path raw_dataset_folder(const std::string& name_or_id);
/// Names of datasets in these folders that have the number, sorted.
std::vector<std::string> datasets_with_id(int id);

/// A trained model of a dataset, in names.
struct ModelName {
  std::string trainer, plans, configuration;

  /// "TRAINER__PLANS__CONFIGURATION".
  std::string folder() const { return trainer + "__" + plans + "__" + configuration; }
  bool operator==(const ModelName&) const = default;
};
/// Throws Error for what is no such name.
ModelName model_name(const std::string& folder);

/// "0_1_2".
std::string folds_text(const std::vector<std::string>& folds);
std::vector<std::string> fold_names(const std::vector<int>& folds);

/// Files (or links to files) of the folder whose names end so, sorted. Throws Error where there is no such folder.
std::vector<std::string> file_names(const std::filesystem::path& folder, const std::string& ending);

}  // namespace nnunet::v2
