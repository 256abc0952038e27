#include "nnunet/plan/task.h"

#include <algorithm>
#include <cctype>

#include "nnunet/core/error.h"

namespace nnunet {

namespace fs = std::filesystem;

const std::vector<TaskDefaults>& task_table() {
  // Patch sizes, spacings and intensity statistics of the reference system's configuration.
  static const std::vector<TaskDefaults> table{
      {"01", "BrainTumour", {128, 128, 128}, {192, 160}, {1, 1, 1}, {}, 4, 4},
      {"02", "Heart", {80, 192, 160}, {320, 256}, {1.37, 1.25, 1.25}, {}, 1, 2},
      {"03", "Liver", {128, 128, 128}, {512, 512}, {1, 0.7676, 0.7676}, CtStats{-17, 201, 99.4, 39.36}, 1, 3},
      {"04", "Hippocampus", {40, 56, 40}, {56, 40}, {1, 1, 1}, {}, 1, 3},
      {"05", "Prostate", {20, 320, 256}, {320, 320}, {3.6, 0.62, 0.62}, {}, 2, 3},
      {"06", "Lung", {80, 192, 160}, {512, 512}, {1.24, 0.79, 0.79}, CtStats{-1024, 325, -158.58, 324.7}, 1, 2},
      {"07", "Pancreas", {40, 224, 224}, {512, 512}, {2.5, 0.8, 0.8}, CtStats{-96, 215, 77.9, 75.4}, 1, 3},
      {"08", "HepaticVessel", {64, 192, 192}, {512, 512}, {1.5, 0.8, 0.8}, CtStats{-3, 243, 104.37, 52.62}, 1, 3},
      {"09", "Spleen", {64, 192, 160}, {512, 512}, {1.6, 0.79, 0.79}, CtStats{-41, 176, 99.29, 39.47}, 1, 2},
      {"10", "Colon", {56, 192, 160}, {512, 512}, {3, 0.78, 0.78}, CtStats{-30, 165.82, 62.18, 32.65}, 1, 2},
  };
  return table;
}

const TaskDefaults* find_task(const std::string& task) {
  const auto& table = task_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const TaskDefaults& t) { return t.number == task; });
  return found == table.end() ? nullptr : &*found;
}

std::string canonical_task(const std::string& task) {
  const bool plain = !task.empty() && task.front() != '.' && std::all_of(task.begin(), task.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (!plain)
    throw Error("--task " + task, "not a task", "give a number such as 04, or letters, digits, '_', '-' and '.' only");
  return task.size() == 1 && std::isdigit(static_cast<unsigned char>(task[0])) != 0 ? "0" + task : task;
}

fs::path find_task_folder(const fs::path& data, const std::string& task) {
  std::error_code failure;
  fs::directory_iterator entries(data, failure);
  if (failure)
    throw Error(data.string(), "the data folder cannot be read: " + failure.message(),
                "give the folder that holds TaskNN_Name with --data");
  const std::string prefix = "Task" + task + "_";
  std::vector<fs::path> found, others;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory(failure)) continue;
    if (name.starts_with(prefix))
      found.push_back(entry.path());
    else if (name.starts_with("Task"))
      others.push_back(entry.path());
  }
  const auto names = [](std::vector<fs::path>& paths) {
    std::sort(paths.begin(), paths.end());
    std::string text;
    for (const fs::path& p : paths) text += (text.empty() ? "" : ", ") + p.filename().string();
    return text;
  };
  if (found.empty())
    throw Error("--task " + task,
                "unknown task: " + data.string() + " holds no folder " + prefix + "*" +
                    (others.empty() ? "" : " (it holds " + names(others) + ")"),
                "check --task and --data, or give the dataset's folder with --dataset_dir");
  if (found.size() > 1)
    throw Error("--task " + task, data.string() + " holds several folders of this task: " + names(found),
                "choose one with --dataset_dir");
  return found.front();
}

}  // namespace nnunet
