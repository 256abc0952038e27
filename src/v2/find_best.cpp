#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

#include "copy_atomically.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/ensemble.h"
#include "nnunet/v2/inference_instructions.h"
#include "nnunet/v2/postprocessing.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// A model or a pair of them, and its folder of label maps with summary.json.
struct Candidate {
  std::string name;
  std::vector<ModelName> models;
  fs::path folder;
  double dice = 0;
};

std::vector<ModelName> available(const FindBestOptions& options) {
  std::vector<ModelName> models;
  for (const ModelName& model : options.models) {
    const fs::path plans_file = preprocessed_folder() / options.dataset / (model.plans + ".json");
    const Json plans = read_python_json(plans_file);
    if (!plans.contains("configurations") || !plans["configurations"].contains(model.configuration)) {
      log::info(fmt::format("{}: there is no configuration {}; left out", plans_file.string(), model.configuration));
      continue;
    }
    if (const fs::path folder = model_folder(options.dataset, model); !fs::is_directory(folder))
      throw Error(folder.string(), "there is no such folder: this model is not trained",
                  "train it (with --npz for ensembles), or leave it out by -c, -tr, -p");
    models.push_back(model);
  }
  if (models.empty()) throw Error(options.dataset, "none of the configurations is in the plans", "check -c and -p");
  return models;
}

/// The probabilities of a model's validation cases by name.
std::map<std::string, fs::path> validation_npz(const fs::path& model, const std::vector<std::string>& folds) {
  std::map<std::string, fs::path> files;
  for (const std::string& fold : folds) {
    const fs::path folder = model / ("fold_" + fold) / "validation";
    const auto names = file_names(folder, ".npz");
    if (names.empty())
      throw Error(folder.string(), "there are no .npz files, which ensembles are made from",
                  "run nnUNetv2_train .. --val --npz, or add --disable_ensembling");
    for (const std::string& name : names)
      if (!files.emplace(name, folder / name).second)
        throw Error(model.string(), fmt::format("{} was predicted by more than one fold", name),
                    "folds of one split share no case");
  }
  return files;
}

std::vector<EnsembleCase> shared_cases(const std::vector<fs::path>& models, const std::vector<std::string>& folds) {
  std::vector<std::map<std::string, fs::path>> each;
  std::set<std::string> names;
  for (const fs::path& model : models) {
    each.push_back(validation_npz(model, folds));
    for (const auto& [name, file] : each.back()) names.insert(name);
  }
  std::vector<EnsembleCase> cases;
  for (const std::string& name : names) {
    cases.push_back({fs::path(name).stem().string(), {}});
    for (std::size_t i = 0; i < models.size(); ++i) {
      const auto found = each[i].find(name);
      if (found == each[i].end())
        throw Error(models[i].string(), fmt::format("has no {}, which another model has", name),
                    "train the models on the same cases");
      cases.back().npz.push_back(found->second);
    }
  }
  return cases;
}

class Search {
 public:
  explicit Search(const FindBestOptions& options)
      : options_(options), folds_(fold_names(options.folds)), models_(available(options)) {}

  std::string run() {
    for (const ModelName& model : models_) candidates_.push_back(single(model));
    if (options_.ensembling)
      for (std::size_t i = 0; i < models_.size(); ++i)
        for (std::size_t j = i + 1; j < models_.size(); ++j) candidates_.push_back(pair(models_[i], models_[j]));
    warn_of_other_cases();
    for (const Candidate& each : candidates_) log::info(fmt::format("{}: Dice {:.5f}", each.name, each.dice));
    const Candidate& best = best_one();
    log::info(fmt::format("best: {}", best.name));
    const PostprocessingChoice choice =
        determine_postprocessing({best.folder.string(), references().string(),
                                  read_dataset_labels(best.folder / "dataset.json"), options_.threads, true});
    return write_results(best, choice.dice);
  }

 private:
  /// Means over different cases are compared in nnU-Net, too, but not without a word.
  void warn_of_other_cases() const {
    std::vector<std::vector<std::string>> cases;
    std::set<std::string> all;
    for (const Candidate& each : candidates_) {
      const std::string ending = read_dataset_labels(each.folder / "dataset.json").file_ending;
      cases.push_back(file_names(each.folder, ending));
      all.insert(cases.back().begin(), cases.back().end());
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      std::vector<std::string> missing;
      std::ranges::set_difference(all, cases[i], std::back_inserter(missing));
      if (!missing.empty())
        log::warn(fmt::format("{}: its Dice is of {} of the {} cases that are compared; it has not predicted {}",
                              candidates_[i].folder.string(), cases[i].size(), all.size(), some_names(missing)));
    }
  }

  fs::path references() const { return preprocessed_folder() / options_.dataset / "gt_segmentations"; }

  Candidate single(const ModelName& model) const {
    const fs::path folder = model_folder(options_.dataset, model),
                   output = folder / ("crossval_results_folds_" + folds_text(folds_));
    const SummaryDice summary =
        accumulate_crossval_results({folder, output, folds_, options_.threads, options_.overwrite});
    return {model.folder(), {model}, output, summary.foreground_mean};
  }

  Candidate pair(const ModelName& a, const ModelName& b) const {
    const std::string name = fmt::format("ensemble___{}___{}___{}", a.folder(), b.folder(), folds_text(folds_));
    const fs::path first = model_folder(options_.dataset, a), second = model_folder(options_.dataset, b),
                   output = results_folder() / options_.dataset / "ensembles" / name;
    const DatasetLabels labels = read_dataset_labels(first / "dataset.json");
    auto cases = shared_cases({first, second}, folds_);
    if (!options_.overwrite)
      std::erase_if(cases,
                    [&](const EnsembleCase& one) { return fs::exists(output / (one.name + labels.file_ending)); });
    if (merge_cases(cases, {output, labels, false, options_.threads}) > 0)
      throw Error(output.string(), "some cases could not be merged", "the lines above say why");
    copy_atomically(first / "plans.json", output / "plans.json");
    copy_atomically(first / "dataset.json", output / "dataset.json");
    const FolderEvaluation evaluation = evaluate_folder({references().string(), output.string(), labels.file_ending,
                                                         labels.foreground, labels.ignore, options_.threads, true});
    if (evaluation.failed > 0)
      throw Error(output.string(), "some cases could not be evaluated", "the lines above say why");
    write_python_json(output / "summary.json", summary_json(evaluation.summary), Keys::sorted);
    return {name, {a, b}, output, evaluation.summary.dice()};
  }

  /// The first of the largest; NaN is below all numbers.
  const Candidate& best_one() const {
    const Candidate* best = &candidates_.front();
    for (const Candidate& each : candidates_)
      if (each.dice > best->dice || (std::isnan(best->dice) && !std::isnan(each.dice))) best = &each;
    return *best;
  }

  std::string write_results(const Candidate& best, double dice_after) const {
    InferenceInformation information{options_.dataset, options_.folds, models_, options_.ensembling, {}, {}};
    for (const Candidate& each : candidates_) information.results.emplace_back(each.name, each.dice);
    information.best = {best.models, best.dice, dice_after, best.folder / "postprocessing.pkl",
                        best.folder / "plans.json"};
    const fs::path folder = results_folder() / options_.dataset;
    write_python_json(folder / "inference_information.json", inference_information_json(information), Keys::sorted);
    const std::string instructions = inference_instructions(information);
    write_text(folder / "inference_instructions.txt", instructions);
    return instructions;
  }

  const FindBestOptions& options_;
  std::vector<std::string> folds_;
  std::vector<ModelName> models_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::string find_best_configuration(const FindBestOptions& options) {
  return Search(options).run();
}

}  // namespace nnunet::v2
