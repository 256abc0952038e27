#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet::v2 {

/// A training case of a raw dataset.
struct RawCase {
  std::string name;
  std::vector<std::filesystem::path> images;  ///< by channel
  std::filesystem::path label;
};

/// The training cases of a folder nnUNet_raw/DATASET: files CASE_0000 in imagesTr and CASE in labelsTr, sorted, or what
/// the key "dataset" of dataset.json lists (relative to the folder, $VARIABLES replaced). Throws Error: no
/// dataset.json, no case.
std::vector<RawCase> training_cases(const std::filesystem::path& folder);

}  // namespace nnunet::v2
