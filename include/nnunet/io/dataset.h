#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nnunet {

/// One entry of dataset.json: absolute paths; label absent for test cases. A file that does not exist is found out
/// when the case is read, so that it only costs its case.
struct CaseFiles {
  std::string name;  ///< file name of the image without .nii / .nii.gz
  std::filesystem::path image;
  std::optional<std::filesystem::path> label;
};

/// A Medical Segmentation Decathlon dataset: what its dataset.json says.
struct Dataset {
  std::filesystem::path folder;
  std::string name;
  std::vector<std::string> modality;  ///< by channel, "0" first
  std::vector<std::string> labels;    ///< by class, background first
  std::vector<CaseFiles> training, test;

  int in_channels() const { return static_cast<int>(modality.size()); }
  int n_class() const { return static_cast<int>(labels.size()); }
  /// CT or not is decided by the first channel for all of them.
  bool is_ct() const { return !modality.empty() && modality.front() == "CT"; }
};

/// Reads FOLDER/dataset.json. `training` or `test` may be absent (not both); numTraining is not trusted; paths with or
/// without "./". Throws Error when it is missing, broken, lacks modality or labels, repeats a case name, has labels
/// that are not 0..n-1, or has a path that leaves the folder (absolute or "..", also through symbolic links).
Dataset read_dataset(const std::filesystem::path& folder);

}  // namespace nnunet
