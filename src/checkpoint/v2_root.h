#pragma once
#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"

/// The parts of one of nnU-Net v2's checkpoints. source: the file, for messages.
namespace nnunet {

/// Throws Error where the entry is missing.
const Value& v2_required(const Value& value, const char* key, const std::string& source);
/// Ascending, each once. Absent or None: mirror images were not allowed.
std::vector<int> v2_mirror_axes(const Value& root, const std::string& source);
/// "0", "all"; where the arguments do not say it, "0".
std::string v2_fold_name(const Value& arguments, const std::string& source);
/// Class of the trainer.
std::string v2_trainer(const Value& root, const std::string& source);

}  // namespace nnunet
