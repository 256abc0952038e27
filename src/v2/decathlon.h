#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/v2/python_json.h"

/// Datasets of the Medical Segmentation Decathlon and of nnU-Net v1, whose dataset.json is of one form: labels
/// {"0": name}, modality {"0": name}, lists training and test.
namespace nnunet::v2 {

/// Whether labels are named by their numbers.
bool is_old_description(const Json& description);

/// Which of nnU-Net v2's converters is followed: they leave different keys.
enum class OldForm { decathlon, nnunet_v1 };
/// As nnU-Net v2's converters write it. Throws Error.
Json modern_description(const Json& old, OldForm form, const std::string& file);

/// "Task04_Hippocampus" -> {4, "Hippocampus"}. Throws Error for other names.
struct TaskName {
  int number;
  std::string name;
};
TaskName task_name(const std::filesystem::path& folder);

/// The .nii.gz files of a folder that are no leftovers of other systems ("._x.nii.gz"), sorted.
std::vector<std::string> decathlon_files(const std::filesystem::path& folder);

}  // namespace nnunet::v2
