#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/modality.h"

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
  bool is_ct() const { return !modality.empty() && is_ct_name(modality.front()); }
};

/// Reads FOLDER/dataset.json. `training` or `test` may be absent (not both); numTraining is not trusted; paths with or
/// without "./", also absolute, with "..", or of symbolic links: the user's own data may lie anywhere. Throws Error
/// when it is missing, broken, lacks modality or labels, repeats a case name or has labels that are not 0..n-1.
Dataset read_dataset(const std::filesystem::path& folder);

/// For a dataset that came from others: throws Error when FOLDER/dataset.json lists a path that leaves the folder, in
/// text or through symbolic links.
void require_dataset_inside(const std::filesystem::path& folder);

}  // namespace nnunet
