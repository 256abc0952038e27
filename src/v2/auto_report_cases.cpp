#include <algorithm>
#include <cmath>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/auto_report.h"
#include "nnunet/v2/overlay.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr double kIntensity = 0.5;

double mean_of_occurring(const std::vector<double>& dice) {
  double sum = 0;
  int count = 0;
  for (const double value : dice)
    if (!std::isnan(value)) {
      sum += value;
      ++count;
    }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

ReportedCase scored_case(const Json& entry, const DatasetLabels& labels) {
  ReportedCase one;
  const std::string file = fs::path(entry.at("prediction_file").get<std::string>()).filename().string();
  one.name = file.substr(0, file.size() - std::min(file.size(), labels.file_ending.size()));
  for (const LabelOrRegion& label : labels.foreground) {
    const Json& dice = entry.at("metrics").at(label.key()).at("Dice");
    one.dice.push_back(dice.is_number() ? dice.get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  one.mean = mean_of_occurring(one.dice);
  return one;
}

std::vector<int> values_of(const Json& entry) {
  return entry.is_array() ? entry.get<std::vector<int>>() : std::vector<int>{entry.get<int>()};
}

/// Row y of a slice beside row y of the same slice, or of another one.
template <class T>
void put_row(const T* left, const T* right, std::int64_t width, T* to) {
  std::copy_n(left, width, to);
  std::copy_n(right, width, to + width);
}

}  // namespace

std::vector<ReportedCase> scored_cases(const fs::path& summary_json, const DatasetLabels& labels) {
  std::vector<ReportedCase> cases;
  const Json summary = read_python_json(summary_json);
  try {
    for (const Json& entry : summary.at("metric_per_case")) cases.push_back(scored_case(entry, labels));
  } catch (const nlohmann::json::exception&) {
    throw Error(summary_json.string(), "is no summary of an evaluation of these labels",
                "make it anew: nnUNetv2_evaluate_folder");
  }
  std::erase_if(cases, [](const ReportedCase& one) { return std::isnan(one.mean); });
  std::ranges::stable_sort(cases, std::ranges::greater(), &ReportedCase::mean);
  return cases;
}

std::vector<std::string> scored_names(const Json& dataset, const DatasetLabels& labels) {
  std::vector<std::string> names;
  for (const LabelOrRegion& scored : labels.foreground) {
    names.push_back(scored.key());
    for (const auto& [name, entry] : dataset.at("labels").items())
      if (values_of(entry) == scored.values) names.back() = name;
  }
  return names;
}

void draw_case(ReportedCase& one, const fs::path& image, const fs::path& reference, const fs::path& prediction) {
  const Image grey = read_image_file(image);
  const WideLabelMap truth = read_label_file(reference), found = read_label_file(prediction);
  if (grey.voxels.spatial() != truth.voxels.spatial() || truth.voxels.shape != found.voxels.shape)
    throw Error(prediction.string(), "differs in shape from its image or reference", "predict it anew");
  const bool labelled = std::ranges::any_of(truth.voxels.values, [](std::uint16_t v) { return v != 0; });
  const std::int64_t slice = slice_with_most(labelled ? truth.voxels : found.voxels);
  const auto [depth, height, width] = grey.voxels.spatial();
  std::vector<float> twice(static_cast<std::size_t>(2 * height * width));
  Array<std::uint16_t> labels({1, height, 2 * width});
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t from = (slice * height + y) * width, to = 2 * y * width;
    put_row(grey.voxels.data() + from, grey.voxels.data() + from, width, twice.data() + to);
    put_row(truth.voxels.data() + from, found.voxels.data() + from, width, labels.data() + to);
  }
  one.picture = png_of(overlay_picture(twice, labels, 0, kIntensity));
  const auto& spacing = grey.geometry.spacing;
  one.width_of_height = 2 * static_cast<double>(width) * spacing[2] / (static_cast<double>(height) * spacing[1]);
}

}  // namespace nnunet::v2
