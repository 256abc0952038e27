#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/config.h"

namespace nnunet {

/// The fixed configuration of a Medical Segmentation Decathlon task (contract, section 1).
struct TaskDefaults {
  std::string_view number;  ///< "01" .. "10"
  std::string_view name;    ///< "BrainTumour" ..
  std::array<std::int64_t, 3> patch_3d;
  std::array<std::int64_t, 2> patch_2d;
  Spacing3 spacing;           ///< target, mm (z,y,x)
  std::optional<CtStats> ct;  ///< CT tasks only
  int channels, classes;      ///< of the original data, for synthetic benchmarks
};

/// All ten, in order.
const std::vector<TaskDefaults>& task_table();
/// The task's entry, nullptr for any other task. task: as canonical_task gives it.
const TaskDefaults* find_task(const std::string& task);
/// "4" -> "04"; others unchanged. Throws Error for an empty name or one that is no plain folder name.
std::string canonical_task(const std::string& task);
/// The folder DATA/Task<task>_*. Throws Error when there is none (listing what there is) or several.
std::filesystem::path find_task_folder(const std::filesystem::path& data, const std::string& task);

}  // namespace nnunet
