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
  return image_reader_name(
      dataset_reader(dataset, (raw_dataset / "dataset.json").string(), first_image(raw_dataset, dataset), any_ending));
}

}  // namespace nnunet::v2
