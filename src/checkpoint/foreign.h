#pragma once
#include <filesystem>

#include "nnunet/checkpoint/checkpoint.h"

namespace nnunet {

/// A Lightning checkpoint of the reference system, or a plain state_dict, as a Checkpoint.
Checkpoint read_foreign(const Value& root, const std::filesystem::path& path, const ForeignDefaults& defaults);

}  // namespace nnunet
