#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/image_reader.h"
#include "nnunet/v2/planner.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// Empty where the images are not there.
fs::path first_image(const fs::path& raw_dataset, const Json& dataset) {
  if (!dataset.contains("dataset") && !fs::is_directory(raw_dataset / "imagesTr")) return {};
  const RawCase first = training_cases(raw_dataset).front();
  return !first.images.empty() && fs::exists(first.images.front()) ? first.images.front() : fs::path();
}

}  // namespace

std::string planned_reader(const fs::path& raw_dataset, const Json& dataset, bool any_ending) {
  const std::string file = (raw_dataset / "dataset.json").string();
  if (dataset.contains("overwrite_image_reader_writer") && dataset["overwrite_image_reader_writer"].is_string()) {
    const auto name = dataset["overwrite_image_reader_writer"].get<std::string>();
    if (image_reader_from_name(name)) return name;
    if (name != "None")
      log::warn(fmt::format("{}: the reader \"{}\" is not known; it is chosen by the images", file, name));
  }
  if (!dataset.contains("file_ending") || !dataset["file_ending"].is_string())
    throw Error(file, "\"file_ending\" is missing", "see nnU-Net's description of dataset.json");
  return image_reader_name(
      choose_reader(dataset["file_ending"].get<std::string>(), first_image(raw_dataset, dataset), any_ending));
}

}  // namespace nnunet::v2
