#include "nnunet/infer/predict_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <set>

#include "mapped_case.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/data/split.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/npy.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/preprocess/resample.h"
#include "prediction_record.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

std::string task_name(const PreprocessedFolder& folder, const std::string& given) {
  if (!given.empty()) return given;
  if (!folder.config().task.empty()) return folder.config().task;
  const fs::path own = folder.is_val() || folder.is_test() ? folder.path().parent_path() : folder.path();
  const std::string name = own.filename().string(), ending = fmt::format("_{}d", folder.config().dim());
  return name.size() > ending.size() && name.ends_with(ending) ? name.substr(0, name.size() - ending.size()) : name;
}

std::vector<std::string> cases_of(const PreprocessedFolder& folder, const FolderPredictionOptions& options) {
  std::vector<std::string> cases =
      folder.is_test() ? folder.cases() : split_fold(folder, options.nfolds, options.fold).val_names;
  if (options.limit > 0 && options.limit < static_cast<std::int64_t>(cases.size()))
    cases.resize(static_cast<std::size_t>(options.limit));
  if (cases.empty()) throw Error(folder.path().string(), "there is no case to predict", "check --fold and the folder");
  return options.part.own(cases);
}

/// How a case gets back to its original grid. Without its spacing nothing was or is resampled.
OriginalGrid original_grid(const PreprocessedFolder& folder, const std::string& name, const Shape3& x) {
  const auto meta = folder.read_meta(name);
  if (!meta)
    throw Error(name, "has no " + name + "_meta.npy, so that its place in the original image is unknown",
                "preprocess with --exec_mode val or test");
  OriginalGrid grid{(*meta)[0], (*meta)[1], (*meta)[2]};
  const DataConfig& config = folder.config();
  const CaseInfo* info = config.find_case(name);
  const bool spacing_known = info != nullptr && std::ranges::all_of(info->spacing, [](double s) { return s > 0; });
  if (spacing_known && config.dim() == 3 && config.spacings.size() == 3)
    grid.resampling.separate_axis =
        separate_axis({}, info->spacing, {config.spacings[0], config.spacings[1], config.spacings[2]});
  Shape3 box;
  for (std::size_t a = 0; a < 3; ++a) box[a] = grid.crop_end[a] - grid.crop_start[a];
  if (box != x && (!spacing_known || config.dim() == 2))
    throw Error(name,
                fmt::format("its volume is {}, its crop box {}, and config.json does not say its spacing",
                            shape_text(x), shape_text(box)),
                "add the case with its spacing to \"cases\" in config.json, or preprocess again");
  return grid;
}

/// Adds up the score of labelled cases.
class Score {
 public:
  explicit Score(int n_class) : metric_(n_class) {}
  void add(const Array<std::uint8_t>& prediction, const MappedCase& c) { metric_.add(prediction, c.label()); }
  std::optional<ValidationResult> result() const {
    if (metric_.volumes() == 0) return std::nullopt;
    return metric_.result();
  }

 private:
  DiceMetric metric_;
};

/// What killed runs left of these cases under temporary names.
void remove_unfinished(const PredictionRecords& records, const std::vector<std::string>& cases,
                       const fs::path& folder) {
  std::set<std::string> own;
  std::vector<fs::path> files;
  for (const std::string& name : cases) {
    files.push_back(records.file(name));
    own.insert(files.back().filename().string());
  }
  remove_leftovers(folder, own);
  remove_leftovers(folder, {"predictions.json"}, Writer::several);
  remove_record_leftovers(files);
}

/// Whether the case's prediction is there and fits; says why one that is there does not.
bool is_kept(const PredictionRecords& records, const std::string& name) {
  if (!fs::exists(records.file(name))) return false;
  const std::string why = records.why_anew(name);
  if (!why.empty()) log::warn(fmt::format("{}: its prediction is made anew, since {}", name, why));
  return why.empty();
}

}  // namespace

void check_configuration(const PreprocessedFolder& folder, const Predictor& predictor) {
  const auto differs = [&](const std::string& what, const std::string& data, const std::string& network) {
    throw Error(folder.path().string(), fmt::format("its {} is {}, the checkpoint's {}", what, data, network),
                "use the checkpoint of this task");
  };
  const DataConfig& config = folder.config();
  const NetworkPlan& plan = predictor.plan();
  if (config.n_class != plan.n_class)
    differs("number of classes", std::to_string(config.n_class), std::to_string(plan.n_class));
  if (config.in_channels != plan.in_channels)
    differs("number of channels", std::to_string(config.in_channels), std::to_string(plan.in_channels));
  if (config.patch_size != predictor.data().patch_size)
    differs("patch size", shape_text(config.patch_size), shape_text(predictor.data().patch_size));
  if (predictor.model().preprocess.crop != reference_plan(config).preprocess.crop)
    throw Error(folder.path().string(), "was preprocessed in another way than the network's images",
                "segment images: predict --input");
}

fs::path prediction_folder(const PreprocessedFolder& folder, const Predictor& predictor,
                           const FolderPredictionOptions& options) {
  return options.results / fmt::format("preds_task_{}_dim_{}_fold_{}_{}{}", task_name(folder, options.task),
                                       predictor.plan().dim, options.fold,
                                       predictor.precision() == Precision::fp32 ? "fp32" : "amp",
                                       predictor.windows().plan.mirror ? "_tta" : "");
}

FolderPredictionResult predict_folder(const PreprocessedFolder& folder, Predictor& predictor,
                                      const FolderPredictionOptions& options) {
  check_configuration(folder, predictor);
  if (options.save_preds && !folder.is_val() && !folder.is_test())
    throw Error(folder.path().string(),
                "--save_preds needs a val or test folder: training data do not say where they lie in their images",
                "run `nnunet preprocess --exec_mode val` (or test) and give that folder as --data");
  if (options.save_preds && options.overwrite && !options.part.alone())
    throw Error("--overwrite", "parts of a job cannot start anew: they do not know what the others have made by then",
                "remove the folder of predictions before the job");
  const auto cases = cases_of(folder, options);

  FolderPredictionResult result;
  std::optional<PredictionRecords> records;
  if (options.save_preds) {
    result.folder = prediction_folder(folder, predictor, options);
    records.emplace(result.folder, folder, predictor, options);
    remove_unfinished(*records, cases, result.folder);
  }
  Score score(folder.config().n_class);
  Progress progress("predict", static_cast<std::int64_t>(cases.size()), "cases");
  std::future<void> writing;  // the last case's file, beside the next one's network
  const auto attempt = [&](const std::string& name, const std::function<void()>& action) {
    try {
      action();
      return true;
    } catch (const std::exception& e) {
      log::error(case_failure(name, e));
      ++result.failed;
      return false;
    }
  };
  std::string writing_name;
  const auto finish_writing = [&] {
    if (writing.valid() && attempt(writing_name, [&] { writing.get(); })) ++result.predicted;
  };
  for (const std::string& name : cases) {
    if (records && is_kept(*records, name)) {
      ++result.kept;
    } else {
      attempt(name, [&] {
        OutputRecord record;
        if (records) record = records->begin(name);
        const MappedCase c = open_case(folder, name, false);
        std::shared_ptr<RestoreSink> restore;
        LabelSink labels;
        std::vector<LogitSink*> sinks;
        const fs::path file = records ? records->file(name) : fs::path();
        if (records) {
          const Shape3 size{c.x.shape()[1], c.x.shape()[2], c.x.shape()[3]};
          restore = std::make_shared<RestoreSink>(name, original_grid(folder, name, size), false, file);
          sinks.push_back(restore.get());
        }
        if (c.has_label()) sinks.push_back(&labels);
        const WindowReport report = predictor.stream(name, c.image(), sinks);
        if (c.has_label()) score.add(labels.labels(), c);
        finish_writing();
        writing_name = name;
        writing = std::async(std::launch::async, [restore, record = std::move(record), file, name, report] {
          if (restore) write_output_record(file, record);
          if (restore) restore->save_probabilities();
          log_case_time(name, report);
        });
      });
    }
    progress.advance();
  }
  finish_writing();
  progress.finish();
  result.score = score.result();
  return result;
}

}  // namespace nnunet
