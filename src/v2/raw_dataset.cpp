#include "nnunet/v2/raw_dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

#include "decathlon.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/nifti.h"
#include "nnunet/v2/environment.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChannel = 5;  // "_0000"

/// $NAME and ${NAME}; unknown ones stay.
std::string with_variables(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool braces = text.compare(at, 2, "${") == 0;
    const std::size_t start = at + (braces ? 2 : 1);
    std::size_t end = start;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    const bool named = text[at] == '$' && end > start && (!braces || (end < text.size() && text[end] == '}'));
    const char* const value = named ? std::getenv(text.substr(start, end - start).c_str()) : nullptr;
    if (value == nullptr) {
      result += text[at++];
    } else {
      result += value;
      at = end + (braces ? 1 : 0);
    }
  }
  return result;
}

std::vector<RawCase> listed_cases(const fs::path& folder, const Json& list, const std::string& file) {
  std::vector<RawCase> cases;
  for (const auto& [name, entry] : list.items()) {
    if (!entry.is_object() || !entry.contains("images") || !entry["images"].is_array() || !entry.contains("label") ||
        !entry["label"].is_string())
      throw Error(file, fmt::format("the case \"{}\" has no images or no label", name),
                  "see nnU-Net's description of the file");
    RawCase one{name, {}, folder / with_variables(entry["label"].get<std::string>())};
    for (const Json& image : entry["images"]) {
      if (!image.is_string()) throw Error(file, fmt::format("an image of the case \"{}\" is no path", name));
      one.images.push_back(folder / with_variables(image.get<std::string>()));
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

/// Whether the name goes on with a channel: _0000.
bool is_channel(const std::string& file, const std::string& name) {
  const std::string rest = file.substr(name.size(), kChannel);
  return rest[0] == '_' && std::ranges::all_of(rest.substr(1), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// 0000, 0001, ..; none where a file has another name.
std::vector<std::string> channel_numbers(const RawCase& c, const std::string& ending) {
  std::vector<std::string> numbers;
  for (const fs::path& image : c.images) {
    const std::string file = image.filename().string();
    if (file.size() != c.name.size() + kChannel + ending.size() || !file.starts_with(c.name) ||
        !is_channel(file, c.name))
      return {};
    numbers.push_back(file.substr(c.name.size() + 1, kChannel - 1));
  }
  return numbers;
}

/// CASE_0000.nii.gz, CASE_0001.nii.gz, ..
std::vector<RawCase> found_cases(const fs::path& folder, const std::string& ending) {
  std::map<std::string, std::vector<fs::path>> images;
  for (const std::string& file : file_names(folder / "imagesTr", ending)) {
    if (file.size() <= ending.size() + kChannel || file.starts_with('.')) continue;  // macOS leaves ._CASE_0000
    const std::string name = file.substr(0, file.size() - ending.size() - kChannel);
    auto& files = images[name];
    if (is_channel(file, name)) files.push_back(folder / "imagesTr" / file);
  }
  std::vector<RawCase> cases;
  for (auto& [name, files] : images) cases.push_back({name, std::move(files), folder / "labelsTr" / (name + ending)});
  return cases;
}

/// Files that have all channels themselves.
std::vector<RawCase> decathlon_cases(const fs::path& folder) {
  std::vector<RawCase> cases;
  for (const std::string& file : decathlon_files(folder / "imagesTr")) {
    const std::string name = nifti_stem(file);
    const fs::path labels = folder / "labelsTr";
    if (const auto channel = channel_name(name);
        channel && !fs::exists(labels / file) && fs::exists(labels / (channel->name + ".nii.gz")))
      throw Error(folder.string(), "has a file a channel, as datasets of nnU-Net v1",
                  "convert it: nnUNetv2_convert_old_nnUNet_dataset FOLDER DatasetNNN_Name");
    cases.push_back({name, {folder / "imagesTr" / file}, labels / file});
  }
  return cases;
}

std::string file_ending_of(const Json& description, const std::string& file) {
  if (!description.contains("file_ending") || !description["file_ending"].is_string())
    throw Error(file, "\"file_ending\" is missing", "see nnU-Net's description of dataset.json");
  return description["file_ending"].get<std::string>();
}

}  // namespace

Json read_dataset_description(const fs::path& folder) {
  const fs::path file = folder / "dataset.json";
  Json description = read_python_json(file);
  if (is_old_description(description)) return modern_description(description, OldForm::decathlon, file.string());
  if (!description.is_object())
    throw Error(file.string(), "is no JSON object", "see nnU-Net's description of dataset.json");
  return description;
}

RawDataset read_raw_dataset(const fs::path& folder) {
  const fs::path file = folder / "dataset.json";
  const Json written = read_python_json(file);
  RawDataset dataset{folder, read_dataset_description(folder), {}};
  if (is_old_description(written))
    dataset.cases = decathlon_cases(folder);
  else if (written.contains("dataset"))
    dataset.cases = listed_cases(folder, written["dataset"], file.string());
  else
    dataset.cases = found_cases(folder, file_ending_of(written, file.string()));
  if (dataset.cases.empty())
    throw Error(folder.string(), "there is no training case", "check imagesTr and dataset.json");
  return dataset;
}

std::vector<RawCase> training_cases(const fs::path& folder) {
  return read_raw_dataset(folder).cases;
}

ImageReader dataset_reader(const Json& description, const std::string& file, const fs::path& first_image,
                           bool any_ending) {
  if (description.contains("overwrite_image_reader_writer")) {
    const Json& value = description["overwrite_image_reader_writer"];
    const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
    if (const auto reader = image_reader_from_name(name)) return *reader;
    if (name != "None")
      log::warn(
          fmt::format("{}: \"overwrite_image_reader_writer\" names {}, which is no reader; it is chosen by the "
                      "file ending",
                      file, name));
  }
  return choose_reader(file_ending_of(description, file), first_image, any_ending);
}

ImageFormat dataset_format(const RawDataset& dataset) {
  const auto& images = dataset.cases.front().images;
  return {file_ending_of(dataset.description, dataset.file()),
          dataset_reader(dataset.description, dataset.file(), images.empty() ? fs::path() : images.front()), true};
}

std::size_t channel_count(const Json& description, const std::string& file) {
  for (const char* const key : {"channel_names", "modality"})
    if (description.contains(key) && description[key].is_object() && !description[key].empty())
      return description[key].size();
  throw Error(file, "\"channel_names\" is missing", "see nnU-Net's description of dataset.json");
}

std::string misnumbered_channels(const RawCase& c, const std::string& ending) {
  const std::vector<std::string> numbers = channel_numbers(c, ending);
  std::vector<std::string> usual;
  for (std::size_t i = 0; i < numbers.size(); ++i) usual.push_back(fmt::format("{:04}", i));
  if (numbers == usual) return {};
  return fmt::format("its files are the channels {}, not {}", fmt::join(numbers, ", "), fmt::join(usual, ", "));
}

bool numbered_alike(const RawDataset& dataset, const std::string& ending) {
  const auto first = channel_numbers(dataset.cases.front(), ending);
  return std::ranges::all_of(dataset.cases, [&](const RawCase& c) { return channel_numbers(c, ending) == first; });
}

std::int64_t reading_memory(const RawCase& c) {
  constexpr std::int64_t unpacked = 8;  // bytes that a byte of a file with packed voxels becomes, about
  std::int64_t image = 0, most = 0;
  const auto look_at = [&](const fs::path& file, std::int64_t kept) {
    std::int64_t reading = 0;
    if (is_nifti_name(file)) {
      const NiftiInfo info = read_nifti_info(file);
      reading = info.reading_bytes(4);
      image += info.voxels() * kept;
    } else {
      reading = static_cast<std::int64_t>(fs::file_size(file)) * unpacked;
      image += reading * kept / 4;
    }
    most = std::max(most, reading);
  };
  try {
    for (const fs::path& file : c.images) look_at(file, 4);
    look_at(c.label, 2);
  } catch (const std::exception&) {
    return 0;  // reading it will say what is wrong
  }
  return image + most;
}

}  // namespace nnunet::v2
