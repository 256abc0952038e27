#include "decathlon.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/v2/environment.h"

namespace nnunet::v2 {
namespace {

std::optional<int> whole_number(const std::string& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Json labels_by_name(const Json& old, const std::string& file) {
  Json labels = Json::object();
  for (const auto& [number, name] : old.items()) {
    const auto value = whole_number(number);
    if (!value || !name.is_string())
      throw Error(file, fmt::format("the label \"{}\" is not {{number: name}}", number), "correct it");
    if (labels.contains(name.get<std::string>()))
      throw Error(file, fmt::format("two labels are named \"{}\"", name.get<std::string>()), "rename one of them");
    labels[name.get<std::string>()] = *value;
  }
  return labels;
}

}  // namespace

bool is_old_description(const Json& description) {
  if (!description.is_object() || !description.contains("labels") || description.contains("file_ending")) return false;
  const Json& labels = description["labels"];
  if (!labels.is_object() || labels.empty()) return false;
  for (const auto& [key, value] : labels.items())
    if (!whole_number(key)) return false;
  return true;
}

Json modern_description(const Json& old, OldForm form, const std::string& file) {
  if (!old.is_object() || !old.contains("labels") || !old["labels"].is_object())
    throw Error(file, "\"labels\" is missing", "give the dataset.json that came with the dataset");
  if (!old.contains("modality") || !old["modality"].is_object())
    throw Error(file, "\"modality\" is missing", "give the dataset.json that came with the dataset");
  Json description = old;
  description["labels"] = labels_by_name(old["labels"], file);
  if (form == OldForm::decathlon) {
    description["file_ending"] = ".nii.gz";
    description["channel_names"] = old["modality"];
  } else {
    description["channel_names"] = old["modality"];
    description["file_ending"] = ".nii.gz";
    for (const char* const key : {"tensorImageSize", "numTest"}) description.erase(key);
  }
  for (const char* const key : {"modality", "training", "test"}) description.erase(key);
  return description;
}

TaskName task_name(const std::filesystem::path& folder) {
  const std::string text = (folder / "").parent_path().filename().string();
  const std::size_t cut = text.find('_');
  const auto number =
      text.starts_with("Task") && cut != std::string::npos ? whole_number(text.substr(4, cut - 4)) : std::nullopt;
  if (!number || *number < 0 || *number > 999 || cut + 1 == text.size() || text.find('_', cut + 1) != std::string::npos)
    throw Error(folder.string(), "is not named as the Decathlon's folders are: Task, a number, _, a name without _",
                "rename it, to Task04_Hippocampus for instance");
  return {*number, text.substr(cut + 1)};
}

std::vector<std::string> decathlon_files(const std::filesystem::path& folder) {
  std::vector<std::string> names = file_names(folder, ".nii.gz");
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.') || name.starts_with('_'); });
  return names;
}

}  // namespace nnunet::v2
