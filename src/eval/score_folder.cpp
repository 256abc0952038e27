#include "nnunet/eval/score_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/eval/prediction.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// Case name -> its files (more than one is a mistake of the user).
using CaseFileMap = std::map<std::string, std::vector<fs::path>>;

struct Pair {
  std::string name;
  fs::path prediction, label;
};

CaseFileMap list_cases(const fs::path& path, const std::string& option) {
  if (!fs::exists(path)) throw Error(path.string(), "does not exist", "check " + option);
  CaseFileMap files;
  if (!fs::is_directory(path)) {
    files[class_map_case(path)].push_back(path);
    return files;
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    const bool hidden = entry.path().filename().string().starts_with(".");
    if (!hidden && !entry.is_directory() && is_class_map_name(entry.path()))
      files[class_map_case(entry.path())].push_back(entry.path());
  }
  return files;
}

/// The one file of a case; an empty path and a failure when there is none or several.
fs::path only_file(const CaseFileMap& files, const std::string& name, const fs::path& where,
                   std::vector<ScoreFailure>& failures) {
  const auto found = files.find(name);
  if (found == files.end()) {
    failures.push_back({name, fmt::format("there is no {0}.nii.gz, {0}.nii or {0}.npy in {1}", name, where.string())});
    return {};
  }
  if (found->second.size() > 1) {
    failures.push_back({name, fmt::format("{} holds several files of this case; keep one", where.string())});
    return {};
  }
  return found->second.front();
}

std::vector<Pair> find_pairs(const ScoreOptions& options, FolderScore& result) {
  CaseFileMap predictions = list_cases(options.preds, "--preds"), labels = list_cases(options.lbls, "--lbls");
  if (predictions.empty()) throw Error(options.preds.string(), "holds no .npy, .nii or .nii.gz file", "check --preds");
  const bool one_label = !fs::is_directory(options.lbls);
  if (one_label && !fs::is_directory(options.preds)) return {{predictions.begin()->first, options.preds, options.lbls}};
  if (one_label) std::erase_if(predictions, [&](const auto& entry) { return !labels.contains(entry.first); });
  if (predictions.empty())
    throw Error(options.preds.string(), fmt::format("holds no prediction of {}", labels.begin()->first),
                "check --lbls");
  std::vector<std::string> names = options.cases;
  if (names.empty())
    for (const auto& [name, files] : predictions) names.push_back(name);
  std::vector<Pair> pairs;
  for (const std::string& name : names) {
    const fs::path prediction = only_file(predictions, name, options.preds, result.failures);
    const fs::path label = prediction.empty() ? fs::path() : only_file(labels, name, options.lbls, result.failures);
    if (!label.empty()) pairs.push_back({name, prediction, label});
  }
  if (options.cases.empty())
    result.labels_left = static_cast<int>(std::count_if(
        labels.begin(), labels.end(), [&](const auto& entry) { return !predictions.contains(entry.first); }));
  return pairs;
}

Spacing3 spacing_of(const Pair& pair, const ClassMap& prediction, const ClassMap& label) {
  if (label.geometry && prediction.geometry) {
    const double difference = affine_difference(*label.geometry, *prediction.geometry);
    if (difference > 0.01)
      log::warn(fmt::format(
          "{}: prediction and label lie differently in space (affines differ by {:.3g} mm); scored voxel by voxel",
          pair.name, difference));
  }
  if (label.geometry) return label.geometry->spacing;
  if (prediction.geometry) return prediction.geometry->spacing;
  log::warn(fmt::format("{}: neither file has a voxel spacing; 1 mm is taken", pair.name));
  return {1, 1, 1};
}

CaseScore score_pair(const Pair& pair) {
  const ClassMap prediction = read_class_map(pair.prediction), label = read_class_map(pair.label);
  if (prediction.voxels.shape != label.voxels.shape)
    throw Error(pair.prediction.string(),
                fmt::format("its shape {} is not that of the label, {}", shape_text(prediction.voxels.shape),
                            shape_text(label.voxels.shape)),
                "predict on the label's grid");
  const Spacing3 spacing = spacing_of(pair, prediction, label);
  return {pair.name, score_case(prediction.voxels, label.voxels, spacing, std::max(prediction.n_class, label.n_class))};
}

/// Mean of what exists.
struct Mean {
  double sum = 0;
  int count = 0;
  void add(const std::optional<double>& value) {
    sum += value.value_or(0);
    count += value ? 1 : 0;
  }
  std::optional<double> value() const { return count > 0 ? std::optional(sum / count) : std::nullopt; }
};

ClassMean mean_of_class(const std::vector<CaseScore>& cases, std::size_t c) {
  Mean dice, hd95, precision, recall, pred, label;
  ClassMean mean;
  for (const CaseScore& one : cases) {
    const ClassScore& score = one.classes[c];
    dice.add(score.dice);
    hd95.add(score.hd95);
    precision.add(score.precision);
    recall.add(score.recall);
    pred.add(score.volume_pred);
    label.add(score.volume_label);
    mean.cases += score.precision || score.recall ? 1 : 0;
  }
  mean.dice = *dice.value();
  mean.hd95 = hd95.value();
  mean.precision = precision.value();
  mean.recall = recall.value();
  mean.volume_pred = *pred.value();
  mean.volume_label = *label.value();
  mean.cases_hd95 = hd95.count;
  mean.cases_pred = precision.count;
  mean.cases_label = recall.count;
  return mean;
}

void add_means(FolderScore& result) {
  std::size_t classes = 0;
  for (const CaseScore& one : result.cases) classes = std::max(classes, one.classes.size());
  // A class that a case knows nothing of is absent from both of its maps.
  const ClassScore absent{1, {}, {}, {}, 0, 0};
  for (CaseScore& one : result.cases) one.classes.resize(classes, absent);
  for (std::size_t c = 0; c < classes; ++c) result.classes.push_back(mean_of_class(result.cases, c));
  result.mean_dice = mean_dice(class_dice(result));
}

}  // namespace

std::vector<ClassDice> class_dice(const FolderScore& score) {
  std::vector<ClassDice> dice;
  for (const ClassMean& mean : score.classes) dice.push_back({mean.dice, mean.cases});
  return dice;
}

FolderScore score_of(std::vector<CaseScore> cases) {
  FolderScore result;
  result.cases = std::move(cases);
  add_means(result);
  return result;
}

FolderScore score_folder(const ScoreOptions& options) {
  FolderScore result;
  const std::vector<Pair> pairs = find_pairs(options, result);
  Progress progress("score", static_cast<std::int64_t>(pairs.size()), "cases");
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(pairs.size()), options.n_jobs, [&](std::int64_t i) {
    const Pair& pair = pairs[static_cast<std::size_t>(i)];
    try {
      CaseScore score = score_pair(pair);
      const std::lock_guard lock(mutex);
      result.cases.push_back(std::move(score));
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex);
      result.failures.push_back({pair.name, error.what()});
    }
    progress.advance();
  });
  progress.finish();
  std::sort(result.cases.begin(), result.cases.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::sort(result.failures.begin(), result.failures.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  add_means(result);
  return result;
}

}  // namespace nnunet
