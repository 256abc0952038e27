#include "case_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "case_error.h"

namespace nnunet {
namespace {

Shape3 spatial(const NpyFile& file) {
  return {file.shape()[1], file.shape()[2], file.shape()[3]};
}

NpyFile open_label(const PreprocessedFolder& folder, const std::string& name) {
  auto y = folder.open_y(name);
  if (!y) {
    throw Error((folder.path() / (name + "_y.npy")).string(), "the label of a training case is missing",
                "preprocess the case again");
  }
  return std::move(*y);
}

std::unique_ptr<OpenCase> open_case(const PreprocessedFolder& folder, const std::string& name) {
  NpyFile x = folder.open_x(name), y = open_label(folder, name);
  const Shape3 size = spatial(x);
  if (spatial(y) != size) {
    throw Error("", fmt::format("image {} and label {} differ in size", shape_text(size), shape_text(spatial(y))),
                "preprocess the case again");
  }
  const auto labels = y.values<std::uint8_t>();
  const int n_class = folder.config().n_class;
  const auto highest = *std::max_element(labels.begin(), labels.end());
  if (n_class > 0 && highest >= n_class) {
    throw Error("", fmt::format("label {} is not one of the {} classes of config.json", highest, n_class),
                "correct config.json or preprocess the case again");
  }
  const CaseView view{x.values<float>().data(), labels.data(), x.shape()[0], size};
  ForegroundIndex foreground(labels, size);
  return std::make_unique<OpenCase>(OpenCase{std::move(x), std::move(y), view, std::move(foreground)});
}

}  // namespace

const OpenCase& CaseCache::get(std::int64_t index) {
  Entry& entry = entries_[static_cast<std::size_t>(index)];
  const std::lock_guard lock(entry.mutex);
  if (!entry.open) {
    const std::string& name = folder_.cases()[static_cast<std::size_t>(index)];
    try {
      entry.open = open_case(folder_, name);
    } catch (const Error& error) {
      throw error_of_case(name, error);
    }
  }
  return *entry.open;
}

}  // namespace nnunet
