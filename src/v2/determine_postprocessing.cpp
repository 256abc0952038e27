#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/evaluation.h"
#include "nnunet/v2/postprocessing.h"
#include "packed_labels.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// All cases in memory, and what a step would make of their scores.
class Trial {
 public:
  explicit Trial(const DeterminePostprocessingOptions& options)
      : options_(options), names_(file_names(options.predictions, options.labels.file_ending)) {
    if (names_.empty())
      throw Error(options.predictions, fmt::format("there is no label map *{}", options.labels.file_ending),
                  "check the folder");
    warn_of_missing();
    predictions_.resize(names_.size());
    references_.resize(names_.size());
    const int failed = for_each_case("read", names_, options.threads, [this](std::size_t i) {
      const WideLabelMap reference = read_label_file(fs::path(options_.references) / names_[i]);
      const WideLabelMap prediction = read_label_file(fs::path(options_.predictions) / names_[i]);
      if (reference.voxels.shape != prediction.voxels.shape)
        throw Error(names_[i], "prediction and reference differ in shape");
      references_[i] = PackedLabels(reference.voxels);
      predictions_[i] = PackedLabels(prediction.voxels);
    });
    if (failed > 0)
      throw Error(options.predictions, fmt::format("{} cases cannot be used", failed),
                  "mend or remove them: all cases decide together");
  }

  /// The scores of the current label maps, postprocessed once more by the steps.
  Summary evaluate(const std::vector<KeepLargest>& steps, const fs::path& shown_folder) {
    candidates_.resize(names_.size());
    std::vector<CaseResult> cases(names_.size());
    parallel_for(static_cast<std::int64_t>(names_.size()), options_.threads, [&](std::int64_t at) {
      const auto i = static_cast<std::size_t>(at);
      Array<std::uint16_t> map = predictions_[i].unpack();
      postprocess(map, steps);
      cases[i] = {(fs::path(options_.references) / names_[i]).string(), (shown_folder / names_[i]).string(),
                  compare_label_maps(references_[i].unpack(), map, options_.labels.foreground, options_.labels.ignore)};
      candidates_[i] = PackedLabels(map);
    });
    return summarize(options_.labels.foreground, std::move(cases));
  }

  /// What was evaluated last is the best so far.
  void keep() { predictions_.swap(candidates_); }

  /// Writes the current label maps, with the geometry of the files.
  void write(const fs::path& folder) {
    const int failed = for_each_case("write", names_, options_.threads, [&](std::size_t i) {
      WideLabelMap volume = read_label_file(fs::path(options_.predictions) / names_[i]);
      volume.voxels = predictions_[i].unpack();
      write_label_file(folder / names_[i], volume);
    });
    if (failed > 0) throw Error(folder.string(), "not all label maps could be written", "the lines above say why");
  }

 private:
  void warn_of_missing() const {
    const auto references = file_names(options_.references, options_.labels.file_ending);
    const auto missing = std::ranges::count_if(
        references, [this](const std::string& name) { return !std::ranges::binary_search(names_, name); });
    if (missing > 0)
      log::warn(fmt::format("{}: {} references have no prediction; postprocessing should be chosen on all cases",
                            options_.predictions, missing));
  }

  const DeterminePostprocessingOptions& options_;
  std::vector<std::string> names_;
  std::vector<PackedLabels> predictions_, references_, candidates_;
};

double dice_of(const SummaryDice& summary, const std::string& key) {
  return summary.mean.at(key);
}

/// NaN neither rises nor falls.
bool none_falls(const SummaryDice& before, const SummaryDice& after) {
  return std::ranges::none_of(after.mean,
                              [&](const auto& entry) { return entry.second < dice_of(before, entry.first); });
}

/// Whether two summaries have the same labels and Dice, but for rounding. A label that is nowhere has NaN.
bool agree(const SummaryDice& a, const SummaryDice& b) {
  return std::ranges::equal(a.mean, b.mean, [](const auto& x, const auto& y) {
    const bool same = std::abs(x.second - y.second) < 1e-9 || (std::isnan(x.second) && std::isnan(y.second));
    return x.first == y.first && same;
  });
}

/// Of the label maps as they are. A summary.json beside them is not relied on: it may be of earlier label maps, or of
/// other labels.
SummaryDice first_summary(const DeterminePostprocessingOptions& options, Trial& trial) {
  const fs::path file = fs::path(options.predictions) / "summary.json";
  const Summary summary = trial.evaluate({}, options.predictions);
  SummaryDice dice = summary_dice(summary);
  if (!fs::exists(file))
    write_python_json(file, summary_json(summary), Keys::sorted);
  else if (!agree(read_summary_dice(file), dice))
    log::warn(fmt::format("{} is not of these label maps and labels; what they have now counts", file.string()));
  return dice;
}

std::string shown(const LabelOrRegion& label) {
  return (label.region ? "region " : "label ") + label.key();
}

/// What is beside the label maps and describes them.
void copy_descriptions(const fs::path& from, const fs::path& to) {
  for (const char* const name : {"dataset.json", "plans.json"})
    if (fs::exists(from / name)) write_text(to / name, read_text(from / name));
}

}  // namespace

PostprocessingChoice determine_postprocessing(const DeterminePostprocessingOptions& options) {
  const fs::path input = options.predictions, output = input / "postprocessed";
  Trial trial(options);
  const SummaryDice before = first_summary(options, trial);
  SummaryDice best = before;
  Summary best_summary = trial.evaluate({}, output);

  std::vector<KeepLargest> steps;
  const auto accept = [&](KeepLargest step, Summary summary) {
    trial.keep();
    best = summary_dice(summary);
    best_summary = std::move(summary);
    steps.push_back(std::move(step));
  };
  const auto report = [](const std::string& what, bool better, double from, double to) {
    log::info(fmt::format("largest component of {}: Dice {:.5f} instead of {:.5f}, {}", what, to, from,
                          better ? "taken" : "not taken"));
  };

  KeepLargest all{{}, true, 0};
  for (const int label : options.labels.foreground_labels) all.of.push_back({{label}, false});
  Summary summary = trial.evaluate({all}, output);
  SummaryDice dice = summary_dice(summary);
  const bool take_all = dice.foreground_mean > before.foreground_mean && none_falls(before, dice);
  report("all foreground", take_all, before.foreground_mean, dice.foreground_mean);
  if (take_all) accept(all, std::move(summary));

  if (options.labels.foreground.size() > 1)
    for (const LabelOrRegion& label : options.labels.foreground) {
      const KeepLargest step{{label}, false, 0};
      summary = trial.evaluate({step}, output);
      dice = summary_dice(summary);
      const double from = dice_of(best, label.key()), to = dice_of(dice, label.key());
      report(shown(label), to > from, from, to);
      if (to > from) accept(step, std::move(summary));
    }

  if (options.keep_postprocessed) {
    require_writable_folder(output);
    trial.write(output);
    if (steps.empty()) copy_descriptions(input, output);
    write_python_json(output / "summary.json", summary_json(best_summary), Keys::sorted);
  }
  write_postprocessing(input / "postprocessing.pkl", steps);
  Json json{{"input_folder", before.means}, {"postprocessed", best.means}};
  json.update(postprocessing_json(steps));
  write_python_json(input / "postprocessing.json", json, Keys::sorted);
  return {steps, best.foreground_mean};
}

int apply_postprocessing(const ApplyPostprocessingOptions& options) {
  const std::vector<std::string> names = file_names(options.input, options.file_ending);
  if (names.empty())
    throw Error(options.input.string(), fmt::format("there is no label map *{}", options.file_ending),
                "check the folder");
  require_writable_folder(options.output);
  return for_each_case("postprocess", names, options.threads, [&](std::size_t i) {
    WideLabelMap volume = read_label_file(options.input / names[i]);
    postprocess(volume.voxels, options.steps);
    write_label_file(options.output / names[i], volume);
  });
}

}  // namespace nnunet::v2
