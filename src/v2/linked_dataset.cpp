#include "nnunet/v2/linked_dataset.h"

#include <fmt/format.h>

#include "copy_atomically.h"
#include "decathlon.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/splits.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

void link(const fs::path& file, const fs::path& name) {
  const fs::path target = fs::absolute(file).lexically_normal();
  std::error_code code;
  if (fs::is_symlink(name)) {
    if (fs::read_symlink(name) == target) return;
    fs::remove(name, code);
  }
  if (fs::exists(name))
    throw Error(name.string(), "is not a link to the dataset", "move it away, or choose another folder");
  fs::create_directories(name.parent_path(), code);
  fs::create_symlink(target, name, code);
  if (code)
    throw Error(name.string(), fmt::format("cannot be made: {}", code.message()), "choose a folder that takes links");
}

void link_cases(const RawDataset& dataset, const fs::path& folder) {
  const std::string ending = dataset.description.at("file_ending").get<std::string>();
  for (const RawCase& one : dataset.cases) {
    link(one.images.front(), folder / "imagesTr" / fmt::format("{}_0000{}", one.name, ending));
    link(one.label, folder / "labelsTr" / (one.name + ending));
  }
}

/// Files that dataset.json lists are found from the new folder, too.
void make_absolute(Json& list, const RawDataset& dataset) {
  const auto path = [](const fs::path& file) { return fs::absolute(file).lexically_normal().string(); };
  for (const RawCase& one : dataset.cases) {
    Json images = Json::array();
    for (const fs::path& image : one.images) images.push_back(path(image));
    list[one.name]["images"] = std::move(images);
    list[one.name]["label"] = path(one.label);
  }
}

}  // namespace

void link_dataset(const RawDataset& dataset, const fs::path& folder) {
  require_writable_folder(folder);
  Json description = dataset.description;
  if (is_old_description(read_python_json(dataset.file()))) {
    link_cases(dataset, folder);
  } else if (description.contains("dataset")) {
    make_absolute(description["dataset"], dataset);
  } else {
    // Whole folders, since some formats have files beside their images.
    for (const char* const part : {"imagesTr", "labelsTr"}) link(dataset.folder / part, folder / part);
  }
  if (const fs::path splits = dataset.folder / kSplitsFile; fs::exists(splits))
    copy_atomically(splits, folder / kSplitsFile);
  write_python_json(folder / "dataset.json", description, Keys::as_they_are);
}

}  // namespace nnunet::v2
