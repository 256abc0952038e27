#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <optional>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/evaluation.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

void require_predictions(const EvaluationOptions& options, const std::vector<std::string>& predictions) {
  std::vector<std::string> missing;
  for (const std::string& name : file_names(options.references, options.file_ending))
    if (!std::ranges::binary_search(predictions, name)) missing.push_back(name);
  if (missing.empty()) return;
  const std::size_t shown = std::min<std::size_t>(missing.size(), 5);
  throw Error(options.predictions,
              fmt::format("{} references have no prediction: {}{}", missing.size(),
                          fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                          shown < missing.size() ? ", .." : ""),
              "predict them too, or add --chill");
}

CaseResult evaluate_case(const EvaluationOptions& options, const std::string& name) {
  const fs::path reference = fs::path(options.references) / name, prediction = fs::path(options.predictions) / name;
  if (!fs::exists(reference)) throw Error(prediction.string(), "there is no reference of this name");
  const WideLabelMap of_reference = read_label_file(reference), of_prediction = read_label_file(prediction);
  return {reference.string(), prediction.string(),
          compare_label_maps(of_reference.voxels, of_prediction.voxels, options.labels, options.ignore)};
}

}  // namespace

FolderEvaluation evaluate_folder(const EvaluationOptions& options) {
  const std::vector<std::string> names = file_names(options.predictions, options.file_ending);
  if (!options.chill) require_predictions(options, names);
  if (names.empty())
    throw Error(options.predictions, fmt::format("there is no label map *{}", options.file_ending), "check the folder");
  std::vector<std::optional<CaseResult>> results(names.size());
  const int failed = for_each_case("evaluate", names, options.threads,
                                   [&](std::size_t i) { results[i] = evaluate_case(options, names[i]); });
  std::vector<CaseResult> cases;
  for (auto& result : results)
    if (result) cases.push_back(std::move(*result));
  if (cases.empty()) throw Error(options.predictions, "no case could be evaluated", "the lines above say why");
  return {summarize(options.labels, std::move(cases)), failed};
}

}  // namespace nnunet::v2
