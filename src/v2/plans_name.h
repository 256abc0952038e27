#pragma once
#include <fmt/format.h>

#include <string>

#include "nnunet/core/error.h"
#include "nnunet/v2/splits.h"

namespace nnunet::v2 {

/// Throws Error unless plans of this name can lie beside the dataset's other files.
inline void check_plans_name(const std::string& name, const char* flag) {
  const std::string file = fmt::format("{}.json", name);
  if (name.empty() || name.find('/') != std::string::npos)
    throw Error(flag, fmt::format("\"{}\" is no name of a file", name), "give a name without slashes");
  if (file == "dataset.json" || file == "dataset_fingerprint.json" || file == kSplitsFile)
    throw Error(flag, fmt::format("{} is another file of the dataset", file), "give another name");
}

}  // namespace nnunet::v2
