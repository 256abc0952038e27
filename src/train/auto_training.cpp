#include "nnunet/train/auto_training.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "auto_choices.h"
#include "auto_result.h"
#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/precision.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/folder_lock.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_bridge/gpu_memory.h"
#include "nnunet/train/epoch_loop.h"
#include "nnunet/train/v2_timing.h"
#include "nnunet/train/v2_trainer.h"
#include "nnunet/v2/auto_plan.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/dataset_integrity.h"
#include "nnunet/v2/fingerprint.h"
#include "nnunet/v2/planner.h"
#include "nnunet/v2/preprocess.h"
#include "v2_fold_folder.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using v2::Json;

constexpr const char *kFullres = "3d_fullres", *kCascade = "3d_cascade_fullres", *k2d = "2d";
constexpr double kSecondsPerHour = 3600, kMeasuringShare = 0.01, kLeastMeasuring = 1, kMostMeasuring = 60;
/// bf16 rounds more than float32: it has to be worth it.
constexpr double kWorthwhile = 1.1;
constexpr std::size_t kFewestCases = 5;

/// The run was asked to stop; what is done is on record.
struct Interrupted {
  std::string signal;
};

bool contains(const std::vector<std::string>& list, const std::string& what) {
  return std::ranges::find(list, what) != list.end();
}

std::string clock_time(double seconds_from_now) {
  const std::time_t then = std::time(nullptr) + static_cast<std::time_t>(seconds_from_now);
  std::tm local{};
  localtime_r(&then, &local);
  return fmt::format("{:%A %H:%M}", local);
}

class AutoTraining {
 public:
  explicit AutoTraining(AutoOptions options)
      : o_(std::move(options)),
        folders_{fs::absolute(v2::raw_dataset_folder(o_.dataset)).lexically_normal(), output_of(o_),
                 v2::dataset_name(o_.dataset)},
        threads_(v2::case_threads(o_.threads)),
        on_gpu_(o_.compute.gpus != 0 && torch_gpus() > 0) {
    if (!fs::is_directory(folders_.raw))
      throw Error(folders_.raw.string(), "there is no such folder", "check --dataset");
    require_writable_folder(folders_.output);
    lock_.emplace(folders_.output, folders_.output, "another nnunet auto", "wait for it, or choose another --output");
    log::set_log_file(folders_.output / "auto.log");
    begin_record();
    environment_.emplace(folders_);
  }

  AutoResult run() {
    check_dataset();
    describe_dataset();
    plan();
    const v2::TrainingSchedule schedule = schedule_trainings();
    say(schedule);
    train(schedule);
    return finish(schedule);
  }

  AutoResult interrupted(const std::string& signal) const {
    AutoResult result;
    result.output = folders_.output;
    result.interrupted_by = signal;
    return result;
  }

 private:
  static fs::path output_of(const AutoOptions& o) {
    const fs::path folder = o.output.empty() ? fs::path("nnunet_auto") / v2::dataset_name(o.dataset) : o.output;
    return (fs::absolute(folder) / "").lexically_normal().parent_path();
  }

  void begin_record() {
    record_.emplace(folders_.record());
    const Json now = what_is_asked(o_, folders_.raw);
    if (record_->empty()) return record_->set_asked(now);
    if (!o_.resume)
      throw Error(folders_.output.string(), "holds a run of nnunet auto already",
                  "go on with it by --continue, or choose another --output");
    const Json before = record_->asked();
    for (const auto& [key, value] : now.items())
      if (!before.is_object() || !before.contains(key) || before[key] != value)
        throw Error("--" + key, "is another one than in the run that lies there",
                    "give what was given then, or choose another --output");
  }

  void check_dataset() {
    record_->stage("check", [&] {
      v2::require_dataset_integrity(folders_.raw, threads_);
      const std::size_t count = v2::training_cases(folders_.raw).size();
      if (count < kFewestCases && !contains(o_.folds, "all"))
        throw Error(folders_.raw.string(), fmt::format("{} cases are too few for five folds", count),
                    fmt::format("add some, up to {} at least, or train on all of them by --folds all", kFewestCases));
      return Json{{"cases", count}};
    });
  }

  void describe_dataset() {
    record_->stage("fingerprint", [&] {
      v2::ensure_fingerprint(folders_.raw.string(), {threads_, false, true}, false);
      return Json::object();
    });
  }

  v2::PlannerChoice planner() const {
    if (o_.memory_target <= 0) {
      constexpr std::int64_t unknown = std::int64_t{64} << 30;
      const std::int64_t memory = available_memory();
      return v2::choose_planner({on_gpu_ ? gpu_memory(0) : 0, memory > 0 ? memory : unknown, available_cores()});
    }
    v2::PlannerChoice choice;
    choice.options.gpu_memory_target = o_.memory_target;
    choice.reason = fmt::format("the default planner for {} GB, as asked for", o_.memory_target);
    return choice;
  }

  void plan() {
    record_->stage("plan", [&] {
      const v2::PlannerChoice choice = planner();
      log::info(choice.reason);
      const v2::PlannedExperiment planned = v2::plan_experiment(folders_.dataset, choice.options, folders_.raw);
      return Json{{"reason", choice.reason}, {"plans", planned.file.stem().string()}};
    });
    const std::vector<std::string> planned =
        v2_configurations(v2::read_v2_files(folders_.preprocessed_dataset(), plans()));
    for (const std::string& name : o_.configurations)
      if (!contains(planned, name))
        throw Error("--configurations", fmt::format("the plans have no {}", name),
                    fmt::format("choose among {}", fmt::join(planned, ", ")));
    configurations_ = planned;
  }

  std::string plans() const { return record_->result("plan").at("plans").get<std::string>(); }

  /// The cascade has the cases of 3d_fullres, and a network of nearly the same size.
  static std::string measured_as(const std::string& configuration) {
    return configuration == kCascade ? kFullres : configuration;
  }

  void preprocess(const std::string& configuration) {
    record_->stage("preprocess " + configuration, [&] {
      const v2::PreprocessingReport report =
          v2::preprocess_configuration({.raw = folders_.raw,
                                        .preprocessed = folders_.preprocessed_dataset(),
                                        .plans = plans(),
                                        .configuration = configuration,
                                        .threads = threads_});
      if (!report.failed.empty() || v2::copy_references(folders_.raw, folders_.preprocessed_dataset()) > 0)
        throw Error(folders_.raw.string(), "some cases could not be preprocessed", "the lines above say why");
      return Json{{"cases", report.made + report.kept}};
    });
  }

  ComputeOptions compute(bool half) const {
    ComputeOptions compute = o_.compute;
    compute.gpus = on_gpu_ ? 1 : 0;
    compute.amp = half;
    compute.precision = half && on_gpu_ ? "fp16" : "";
    return compute;
  }

  V2TrainOptions training(const std::string& configuration, const std::string& fold, const std::string& trainer,
                          bool half) const {
    V2TrainOptions options;
    options.names = {folders_.dataset, configuration, fold, trainer, plans()};
    options.compute = compute(half);
    options.seed = o_.seed;
    return options;
  }

  v2::TrainingCost time(const std::string& configuration, bool half) const {
    const std::string fold = o_.folds.empty() ? "0" : o_.folds.front();
    const double seconds = std::clamp(kMeasuringShare * o_.hours * kSecondsPerHour, kLeastMeasuring, kMostMeasuring);
    const v2::TrainingCost cost = time_v2(training(configuration, fold, "nnUNetTrainer", half), seconds);
    log::info(
        fmt::format("{}, {}: {:.3g} s a batch, {:.3g} s a validation batch, {:.2g} s for the "
                    "checkpoints of an epoch, {} the validation of a fold",
                    configuration, half ? "half precision" : "float32", cost.batch.training, cost.batch.validation,
                    cost.batch.epoch, format_duration(cost.final_validation)));
    return cost;
  }

  /// Both kinds of arithmetic are tried where it is open which is faster.
  Json measure(const std::string& configuration) const {
    const bool open = o_.precision == AutoPrecision::chosen && !on_gpu_ && has_bf16_arithmetic();
    const bool half = o_.precision == AutoPrecision::half || (o_.precision == AutoPrecision::chosen && on_gpu_);
    const v2::TrainingCost cost = time(configuration, half);
    if (!open) return {{"half", half}, {"cost", cost_json(cost)}};
    const v2::TrainingCost other = time(configuration, true);
    const bool faster = other.batch.training * kWorthwhile < cost.batch.training;
    return {{"half", faster}, {"cost", cost_json(faster ? other : cost)}};
  }

  void prepare(const std::vector<std::string>& configurations) {
    for (const std::string& each : configurations) {
      const std::string name = measured_as(each);
      preprocess(name);
      record_->stage("measure " + name, [&] { return measure(name); });
      costs_[each] = cost_of(record_->result("measure " + name).at("cost"));
    }
  }

  bool half_precision(const std::string& configuration) const {
    return record_->result("measure " + measured_as(configuration)).at("half").get<bool>();
  }

  v2::TrainingSchedule schedule_trainings() {
    const bool free_choice = o_.configurations.empty();
    const std::vector<std::string> first =
        free_choice ? std::vector<std::string>{contains(configurations_, kFullres) ? kFullres : k2d}
                    : o_.configurations;
    prepare(first);
    if (record_->done("schedule")) return take_up();
    const v2::ScheduleWishes wishes{o_.configurations, o_.folds, o_.epochs, o_.iterations};
    v2::TrainingSchedule schedule = v2::training_schedule(costs_, seconds_left(), wishes);
    if (free_choice && schedule.length == v2::TrainingLength{} && configurations_.size() > 1) {
      prepare(configurations_);
      schedule = v2::training_schedule(costs_, seconds_left(), wishes);
    }
    return schedule_of(record_->stage("schedule", [&] { return schedule_json(schedule); }));
  }

  v2::TrainingSchedule take_up() {
    const v2::TrainingSchedule schedule = schedule_of(record_->result("schedule"));
    prepare(schedule.configurations);
    return schedule;
  }

  double seconds_left() const { return o_.hours * kSecondsPerHour - record_->all_seconds(); }

  /// nnU-Net's own trainer where the length is its own, else a recipe.
  std::string trainer(const v2::TrainingSchedule& schedule) const {
    if (schedule.length == v2::TrainingLength{}) return "nnUNetTrainer";
    v2::write_python_json(folders_.recipe(),
                          {{"based_on", "nnUNetTrainer"},
                           {"epochs", schedule.length.epochs},
                           {"iterations", schedule.length.iterations},
                           {"validation_iterations", schedule.length.validation_batches}},
                          v2::Keys::as_they_are);
    return folders_.recipe().string();
  }

  std::vector<v2::ModelName> models(const v2::TrainingSchedule& schedule) const {
    std::vector<v2::ModelName> models;
    const std::string name = v2::trainer_recipe(trainer(schedule)).name;
    for (const std::string& each : schedule.configurations) models.push_back({name, plans(), each});
    return models;
  }

  std::vector<std::pair<std::string, std::string>> decisions(const v2::TrainingSchedule& schedule) const {
    const V2Files files = v2::read_v2_files(folders_.preprocessed_dataset(), plans());
    std::vector<std::pair<std::string, std::string>> list{
        {"planned for", record_->result("plan").at("reason").get<std::string>()}};
    for (const std::string& name : schedule.configurations) {
      const nlohmann::json configuration = v2_configuration(files, name);
      const v2::TrainingCost cost = costs_.at(name);
      list.emplace_back(
          name,
          fmt::format("patches of {} voxels, {} a batch; {}; {:.3g} s a batch, measured",
                      fmt::join(configuration.at("patch_size").get<std::vector<int>>(), " x "),
                      configuration.at("batch_size").get<int>(),
                      half_precision(name) ? (on_gpu_ ? "mixed precision, fp16" : "mixed precision, bf16") : "float32",
                      cost.batch.training));
    }
    const bool wished = o_.epochs || o_.iterations;
    list.emplace_back(
        "folds",
        fmt::format("{}{}", fmt::join(schedule.folds, ", "),
                    o_.folds.empty() && schedule.folds.size() == 1 ? ": the time is too short for all five" : ""));
    list.emplace_back("length of a training",
                      fmt::format("{} epochs of {} batches, {}", schedule.length.epochs, schedule.length.iterations,
                                  wished ? "as asked for" : fmt::format("for {:.3g} hours in all", o_.hours)));
    return list;
  }

  void say(const v2::TrainingSchedule& schedule) const {
    std::string text = "the plan:";
    for (const auto& [what, why] : decisions(schedule)) text += fmt::format("\n  {}: {}", what, why);
    double ahead = 0;
    const double each = schedule.seconds / static_cast<double>(schedule.configurations.size() * schedule.folds.size());
    for (const std::string& configuration : schedule.configurations)
      for (const std::string& fold : schedule.folds) ahead += record_->done(stage_of(configuration, fold)) ? 0 : each;
    text += fmt::format("\n  trained in about {}, {}", format_duration(ahead), clock_time(ahead));
    log::info(text);
  }

  static std::string stage_of(const std::string& configuration, const std::string& fold) {
    return fmt::format("train {}, fold {}", configuration, fold);
  }

  void train(const v2::TrainingSchedule& schedule) {
    const std::string recipe = trainer(schedule);
    const std::vector<v2::ModelName> all = models(schedule);
    for (const v2::ModelName& model : all)
      for (const std::string& fold : schedule.folds)
        record_->stage(stage_of(model.configuration, fold), [&] {
          V2TrainOptions options = training(model.configuration, fold, recipe, half_precision(model.configuration));
          options.save_probabilities = all.size() > 1;
          const V2FoldFolder folder(v2::model_folder(folders_.dataset, model) / ("fold_" + fold));
          options.resume = folder.newest().has_value();
          const V2TrainResult result = train_v2(options);
          if (!result.interrupted_by.empty()) throw Interrupted{result.interrupted_by};
          if (result.failed_cases > 0)
            throw Error(result.fold.string(), "some validation cases failed", "the lines above say why");
          return Json{{"dice", result.mean_dice.value_or(0)}};
        });
  }

  void compare(const v2::TrainingSchedule& schedule) {
    record_->stage("compare", [&] {
      std::vector<int> folds;
      for (const std::string& fold : schedule.folds) folds.push_back(std::stoi(fold));
      const std::vector<v2::ModelName> all = models(schedule);
      v2::find_best_configuration({folders_.dataset, all, folds, all.size() > 1, true, threads_});
      return Json::object();
    });
  }

  AutoOutcome outcome(const v2::TrainingSchedule& schedule) {
    if (schedule.folds.front() == "all") return fitted_outcome(models(schedule), folders_);
    compare(schedule);
    return compared_outcome(folders_, schedule.folds);
  }

  AutoResult finish(const v2::TrainingSchedule& schedule) {
    const AutoOutcome found = outcome(schedule);
    write_script(found);
    AutoResult result{folders_.output, folders_.report(),
                      fmt::format("{} IMAGES LABEL_MAPS", v2::shell_word(folders_.script().string())),
                      found.route.postprocessing.empty() ? found.dice : found.dice_after, ""};
    write_auto_report({folders_, *record_, models(schedule), schedule.folds, trainer(schedule), decisions(schedule)},
                      found, result.command);
    return result;
  }

  void write_script(const AutoOutcome& found) const {
    write_atomically(folders_.script(), [&](const fs::path& temporary) {
      write_text(temporary, v2::predict_script(found.route, folders_.output, o_.program));
      fs::permissions(temporary, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                      fs::perm_options::add);
    });
  }

  AutoOptions o_;
  AutoFolders folders_;
  int threads_;
  bool on_gpu_;
  std::optional<FolderLock> lock_;
  std::optional<AutoRecord> record_;
  std::optional<AutoEnvironment> environment_;
  std::vector<std::string> configurations_;  ///< of the plans
  std::map<std::string, v2::TrainingCost> costs_;
};

}  // namespace

AutoResult train_automatically(AutoOptions options) {
  check_auto_options(options);
  if (fs::is_directory(options.dataset)) options.dataset = fs::absolute(options.dataset).string();
  AutoTraining training(std::move(options));
  try {
    return training.run();
  } catch (const Interrupted& stop) {
    return training.interrupted(stop.signal);
  } catch (const StopRequested&) {
    return training.interrupted("a signal");
  }
}

}  // namespace nnunet
