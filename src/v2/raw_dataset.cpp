#include "nnunet/v2/raw_dataset.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

#include "nnunet/core/error.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

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
      throw Error(file, "the case \"" + name + "\" has no images or no label", "see nnU-Net's description of the file");
    RawCase one{name, {}, folder / with_variables(entry["label"].get<std::string>())};
    for (const Json& image : entry["images"]) {
      if (!image.is_string()) throw Error(file, "an image of the case \"" + name + "\" is no path");
      one.images.push_back(folder / with_variables(image.get<std::string>()));
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

/// CASE_0000.nii.gz, CASE_0001.nii.gz, ..
std::vector<RawCase> found_cases(const fs::path& folder, const std::string& ending) {
  constexpr std::size_t channel = 5;
  std::map<std::string, std::vector<fs::path>> images;
  for (const std::string& file : file_names(folder / "imagesTr", ending)) {
    if (file.size() <= ending.size() + channel) continue;
    images[file.substr(0, file.size() - ending.size() - channel)].push_back(folder / "imagesTr" / file);
  }
  std::vector<RawCase> cases;
  for (auto& [name, files] : images) cases.push_back({name, std::move(files), folder / "labelsTr" / (name + ending)});
  return cases;
}

}  // namespace

std::vector<RawCase> training_cases(const fs::path& folder) {
  const fs::path file = folder / "dataset.json";
  const Json dataset = read_python_json(file);
  std::vector<RawCase> cases;
  if (dataset.contains("dataset")) {
    cases = listed_cases(folder, dataset["dataset"], file.string());
  } else {
    if (!dataset.contains("file_ending") || !dataset["file_ending"].is_string())
      throw Error(file.string(), "\"file_ending\" is missing", "see nnU-Net's description of dataset.json");
    cases = found_cases(folder, dataset["file_ending"].get<std::string>());
  }
  if (cases.empty()) throw Error(folder.string(), "there is no training case", "check imagesTr and dataset.json");
  return cases;
}

}  // namespace nnunet::v2
