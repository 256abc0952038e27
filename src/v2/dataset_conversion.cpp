#include "nnunet/v2/dataset_conversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <functional>
#include <vector>

#include "decathlon.h"
#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/pending_folder.h"
#include "nnunet/io/split_channels.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// Files to write, each by its own function.
struct Work {
  std::vector<std::string> names;
  std::vector<std::function<void()>> steps;

  void add(std::string name, std::function<void()> step) {
    names.push_back(std::move(name));
    steps.push_back(std::move(step));
  }
  void run(const fs::path& from, int threads) const {
    const int failed = for_each_case("convert", names, threads, [&](std::size_t i) { steps[i](); });
    if (failed > 0)
      throw Error(
          from.string(),
          fmt::format("{} of {} files failed, the lines above say why; nothing was converted", failed, names.size()),
          "mend them, then convert again");
  }
};

void require_folders(const fs::path& folder, std::initializer_list<const char*> names) {
  for (const char* const name : names)
    if (!fs::is_directory(folder / name))
      throw Error(folder.string(), fmt::format("has no folder {}", name), "give the folder that holds it");
}

void require_number_free(int id, const std::string& allowed = {}) {
  std::vector<std::string> taken = datasets_with_id(id);
  std::erase(taken, allowed);
  if (!taken.empty())
    throw Error(
        fmt::format("dataset {}", id), fmt::format("the number is taken: {}", fmt::join(taken, ", ")),
        "choose another number, or remove that dataset from nnUNet_raw, nnUNet_preprocessed and nnUNet_results");
}

/// Not flushed: the whole folder is, in the end.
void write(const fs::path& path, std::span<const std::byte> content) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw Error(path.string(), "cannot be written", "check permissions and free space");
}

void copy_file_writable(const fs::path& from, const fs::path& to) {
  fs::copy_file(from, to);
  fs::permissions(to, fs::perms::owner_write, fs::perm_options::add);
}

/// CASE.nii.gz as CASE_0000.nii.gz, CASE_0001.nii.gz, ..
void split_image(const fs::path& file, const fs::path& folder) {
  const auto name = [&](std::int64_t channel) {
    return folder / fmt::format("{}_{:04}.nii.gz", nifti_stem(file), channel);
  };
  if (read_nifti_info(file).channels == 1) return copy_file_writable(file, name(0));
  split_channels(file,
                 [&](std::int64_t channel, std::span<const std::byte> nifti) { write(name(channel), gzip(nifti)); });
}

void write_description(const fs::path& from, OldForm form, const fs::path& to) {
  const fs::path file = from / "dataset.json";
  write_python_json(to / "dataset.json", modern_description(read_python_json(file), form, file.string()),
                    Keys::as_they_are);
}

/// The number of "Dataset004_Hippocampus".
int dataset_number(const std::string& name) {
  const bool fits =
      name.size() > 11 && name.starts_with("Dataset") && name[10] == '_' && name.find('/') == std::string::npos &&
      std::all_of(name.begin() + 7, name.begin() + 10, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!fits) throw Error(name, "is not the name of a dataset", "give it three digits: Dataset004_Hippocampus");
  return std::stoi(name.substr(7, 3));
}

/// nnU-Net v1 has a file a channel in imagesTr.
void require_channel_names(const fs::path& folder) {
  for (const std::string& name : file_names(folder / "imagesTr", ".nii.gz"))
    if (!name.starts_with('.') && !channel_name(nifti_stem(name)))
      throw Error((folder / "imagesTr" / name).string(), "is not named CASE_0000.nii.gz, as images of nnU-Net v1 are",
                  "for a folder of the Decathlon take nnUNetv2_convert_MSD_dataset");
}

void add_copies(Work& work, const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (!entry.is_regular_file()) continue;
    const fs::path relative = entry.path().lexically_relative(from.parent_path()), target = to / relative;
    fs::create_directories(target.parent_path());
    work.add(relative.string(), [source = entry.path(), target] { copy_file_writable(source, target); });
  }
}

}  // namespace

std::string convert_decathlon(const fs::path& folder, std::optional<int> id, int threads) {
  require_folders(folder, {"imagesTr", "imagesTs", "labelsTr"});
  const TaskName task = task_name(folder);
  const int number = id.value_or(task.number);
  if (number < 0 || number > 999) throw Error("-overwrite_id", "is not from 0 to 999", "choose another number");
  require_number_free(number);
  const std::string name = fmt::format("Dataset{:03}_{}", number, task.name);
  PendingFolder made(raw_folder() / name);
  write_description(folder, OldForm::decathlon, made.path());
  Work work;
  for (const char* const part : {"imagesTr", "imagesTs", "labelsTr"}) {
    fs::create_directory(made.path() / part);
    for (const std::string& file : decathlon_files(folder / part)) {
      const fs::path from = folder / part / file, to = made.path() / part;
      const bool label = std::string_view(part) == "labelsTr";
      work.add(fmt::format("{}/{}", part, file),
               [from, to, label] { label ? copy_file_writable(from, to / from.filename()) : split_image(from, to); });
    }
  }
  work.run(folder, threads);
  made.commit();
  return name;
}

void convert_nnunet_v1(const fs::path& folder, const std::string& name, int threads) {
  require_folders(folder, {"imagesTr", "labelsTr"});
  require_number_free(dataset_number(name), name);
  require_channel_names(folder);
  PendingFolder made(raw_folder() / name);
  write_description(folder, OldForm::nnunet_v1, made.path());
  Work work;
  for (const char* const part : {"imagesTr", "labelsTr", "imagesTs", "labelsTs", "imagesVal", "labelsVal"})
    if (fs::is_directory(folder / part)) add_copies(work, folder / part, made.path());
  work.run(folder, threads);
  made.commit();
}

}  // namespace nnunet::v2
