#include "nnunet/data/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kImageEnd = "_x.npy";

// Bytewise by the file's name, as the reference's sorted list of files: "a1" comes before "a".
void sort_as_files(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a + std::string(kImageEnd) < b + std::string(kImageEnd);
  });
}

std::vector<std::string> list_cases(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string file = entry->path().filename().string();
    if (file.size() > kImageEnd.size() && file.ends_with(kImageEnd)) {
      names.push_back(file.substr(0, file.size() - kImageEnd.size()));
    }
  }
  if (failure) {
    throw Error(folder.string(), "the folder cannot be read: " + failure.message(), "check its permissions");
  }
  sort_as_files(names);
  return names;
}

std::vector<std::string> listed_cases(const DataConfig& config) {
  std::vector<std::string> names;
  for (const CaseInfo& info : config.cases) names.push_back(info.name);
  sort_as_files(names);
  return names;
}

bool has_config(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored);
}

fs::path folder_of_task(const fs::path& data, const std::string& task, int dim) {
  return data / fmt::format("{}_{}d", task, dim);
}

fs::path find_folder(const fs::path& data, const std::string& task, int dim) {
  if (has_config(data)) return data;
  const fs::path inner = folder_of_task(data, task, dim);
  if (!task.empty() && has_config(inner)) return inner;
  const std::string looked = task.empty() ? data.string() : fmt::format("{} and {}", data.string(), inner.string());
  throw Error(data.string(), fmt::format("no preprocessed data: no config.json in {}", looked),
              "run `nnunet preprocess` first, or correct --data, --task and --dim");
}

// Absolute and without a final slash, so that the folder's own name can be asked for.
fs::path plain_path(const fs::path& path) {
  std::error_code failure;
  fs::path plain = fs::canonical(path, failure);
  return failure ? path.lexically_normal() : plain;
}

}  // namespace

PreprocessedFolder::PreprocessedFolder(const fs::path& data, const std::string& task, int dim)
    : path_(plain_path(find_folder(data, task, dim))), planned_(read_planned_config(path_ / "config.json")) {
  if (config().dim() != dim) {
    throw Error((path_ / "config.json").string(),
                fmt::format("the data are preprocessed for {}D networks, not {}D", config().dim(), dim),
                fmt::format("use --dim {} or preprocess with --dim {}", config().dim(), dim));
  }
  cases_ = list_cases(path_);
  if (cases_.empty()) {
    throw Error(path_.string(), "there is no case (no file named *_x.npy)", "run `nnunet preprocess` again");
  }
}

bool PreprocessedFolder::exists(const fs::path& data, const std::string& task, int dim) {
  return has_config(data) || (!task.empty() && has_config(folder_of_task(data, task, dim)));
}

bool PreprocessedFolder::is_val() const {
  return path_.filename() == "val";
}
bool PreprocessedFolder::is_test() const {
  return path_.filename() == "test";
}

std::vector<std::string> PreprocessedFolder::fold_cases() const {
  if (is_val() && has_config(path_.parent_path())) {
    const DataConfig training = read_config(path_.parent_path() / "config.json");
    if (!training.cases.empty()) return listed_cases(training);
    const auto files = list_cases(path_.parent_path());
    if (!files.empty()) return files;
  }
  return config().cases.empty() ? cases_ : listed_cases(config());
}

NpyFile PreprocessedFolder::open_x(const std::string& name) const {
  const fs::path file = path_ / (name + "_x.npy");
  const NpyFile x(file);
  const auto& shape = x.shape();
  if (shape.size() != 4 || Array<float>::count(shape) == 0) {
    throw Error(file.string(), fmt::format("expected (C,D,H,W), found {}", shape_text(shape)),
                "preprocess the case again");
  }
  if (shape[0] != config().in_channels) {
    throw Error(file.string(),
                fmt::format("{} channels, but config.json says in_channels {}", shape[0], config().in_channels),
                "preprocess the case again or correct config.json");
  }
  return x.as<float>();
}

std::optional<NpyFile> PreprocessedFolder::open_y(const std::string& name) const {
  const fs::path file = path_ / (name + "_y.npy");
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  const NpyFile y(file);
  const auto& shape = y.shape();
  if (shape.size() != 4 || shape[0] != 1 || Array<float>::count(shape) == 0) {
    throw Error(file.string(), fmt::format("expected (1,D,H,W), found {}", shape_text(shape)),
                "preprocess the case again");
  }
  return y.as<std::uint8_t>();
}

std::optional<std::array<Shape3, 3>> PreprocessedFolder::read_meta(const std::string& name) const {
  const fs::path file = path_ / (name + "_meta.npy");
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  const NpyFile meta = NpyFile(file).as<std::int64_t>();
  if (meta.shape() != std::vector<std::int64_t>{3, 3}) {
    throw Error(file.string(), fmt::format("expected (3,3), found {}", shape_text(meta.shape())),
                "preprocess the case again");
  }
  const auto values = meta.values<std::int64_t>();
  std::array<Shape3, 3> rows{};
  for (std::size_t i = 0; i < 9; ++i) rows[i / 3][i % 3] = values[i];
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (rows[0][axis] < 0 || rows[0][axis] >= rows[1][axis] || rows[1][axis] > rows[2][axis]) {
      throw Error(file.string(), "the bounding box does not lie within the original volume",
                  "preprocess the case again");
    }
  }
  return rows;
}

}  // namespace nnunet
