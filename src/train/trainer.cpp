#include "nnunet/train/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nnunet/checkpoint/checkpoint.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/data/loader.h"
#include "nnunet/data/split.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/network/unet.h"
#include "nnunet/report/dllogger.h"
#include "nnunet/train/history.h"
#include "nnunet/train/loss.h"
#include "nnunet/train/placement.h"
#include "nnunet/train/results.h"
#include "nnunet/train/step.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Trainer {
 public:
  explicit Trainer(const TrainOptions& options)
      : o_(with_defaults(options)),
        device_(choose_device(o_.gpus)),
        precision_(choose_precision(o_.amp, o_.precision, device_)),
        folder_(o_.data, o_.task, o_.dim),
        fold_(split_fold(folder_, o_.nfolds, o_.fold)),
        plan_(make_network_plan(folder_.config().patch_size, folder_.config().spacings, folder_.config().in_channels,
                                folder_.config().n_class, o_.network)),
        network_(prepared_network()),
        step_(network_, o_, precision_, device_),
        scheduler_(o_.scheduler, o_.optimizer.learning_rate) {}

  TrainResult run() {
    const bool resumed = prepare_results();
    logger_.emplace(o_.results / o_.logname, resumed);
    describe();
    if (o_.max_epochs == 0) {
      save(false);
      log::info("0 epochs asked for: the untrained network was saved");
      return result();
    }
    if (epoch_ >= o_.max_epochs) log::info(fmt::format("all {} epochs are done already", o_.max_epochs));
    Loader loader(folder_, fold_.train, loader_options(o_, folder_.config(), device_));
    for (; epoch_ < o_.max_epochs && !stop_early(); ++epoch_) run_epoch(loader);
    return result();
  }

 private:
  UNet prepared_network() const {
    UNet network(plan_);
    network->initialize(o_.seed);
    if (!o_.ckpt_path.empty() && !o_.resume_training) {
      const ForeignDefaults defaults{&folder_.config(), o_.network};
      load_state_dict(*network, load_checkpoint(o_.ckpt_path, defaults).state_dict, o_.ckpt_path.string());
      log::info(fmt::format("initial weights: {}", o_.ckpt_path.string()));
    }
    place_for_training(network, o_, folder_.config().patch_size, precision_, device_);
    return network;
  }

  // Makes the results folder; true when an earlier training is continued.
  bool prepare_results() {
    require_writable_folder(o_.results);
    std::filesystem::path source;
    if (o_.resume_training) {
      if (std::filesystem::exists(last_path()))
        source = last_path();
      else if (!o_.ckpt_path.empty())
        source = o_.ckpt_path;
      else
        log::info("nothing to resume: neither checkpoints/last.ckpt nor --ckpt_path is there; starting anew");
    }
    if (source.empty()) keep_earlier_results(o_.results, o_.logname);
    log::set_log_file(o_.results / "train.log");
    if (!source.empty()) resume(source);
    return !source.empty();
  }

  std::filesystem::path last_path() const { return o_.results / "checkpoints" / "last.ckpt"; }

  void describe() const {
    const auto parameters = network_->parameters();
    const auto count = std::accumulate(parameters.begin(), parameters.end(), std::int64_t{0},
                                       [](std::int64_t n, const torch::Tensor& p) { return n + p.numel(); });
    std::string filters;
    for (const auto f : plan_.filters) filters += (filters.empty() ? "" : ", ") + std::to_string(f);
    log::info(fmt::format("{}: fold {} of {}, {} training and {} validation cases", folder_.path().string(), o_.fold,
                          o_.nfolds, fold_.train.size(), fold_.val_names.size()));
    log::info(fmt::format("{}D U-Net, filters {} ({:.1f} million parameters), patch {}, batch {}, {} on {}", plan_.dim,
                          filters, static_cast<double>(count) / 1e6, shape_text(folder_.config().patch_size),
                          o_.batch_size, precision_name(precision_), device_.str()));
  }

  bool stop_early() {
    if (epoch_ < o_.min_epochs || history_.epochs_without_improvement() < o_.patience) return false;
    log::info(fmt::format("early stop: {} epochs without a better Dice", o_.patience));
    return true;
  }

  void run_epoch(Loader& loader) {
    const auto start = Clock::now();
    EpochRecord record;
    record.epoch = epoch_;
    record.learning_rate = step_.optimizer().learning_rate();
    train_epoch(loader, record);
    if (epoch_ >= o_.skip_first_n_eval) evaluate(record);
    record.seconds = seconds_since(start);
    history_.add(record);
    step_.optimizer().set_learning_rate(scheduler_.step(record.val_loss.value_or(std::nan(""))));
    report(history_.epochs().back());
    if (o_.save_ckpt) save(history_.last_is_best());
    draw_history(o_.results / "progress.png", history_, foreground_names());
  }

  void train_epoch(Loader& loader, EpochRecord& record) {
    const auto start = Clock::now();
    network_->train();
    loader.start_epoch(epoch_);
    const auto steps = loader.batches_per_epoch();
    Progress progress(fmt::format("epoch {}", epoch_), steps, "steps");
    torch::Tensor sum = torch::zeros({}, torch::TensorOptions().dtype(torch::kFloat64).device(device_));
    Batch batch;
    while (loader.next(batch)) {
      const torch::Tensor loss = step_(batch);
      sum += loss.to(torch::kFloat64);
      // On a GPU looking at the loss would wait for it: there it is checked at the end of the epoch.
      std::string note;
      if (device_.is_cpu()) {
        const float value = loss.item<float>();
        require_finite(value, batch.cases);
        note = fmt::format("loss {:.4f}", value);
      }
      progress.advance(1, note);
    }
    record.train_loss = sum.item<double>() / static_cast<double>(steps);
    require_finite(record.train_loss, {});
    record.data_seconds = loader.wait_seconds();
    data_wait_percent_ = 100 * record.data_seconds / seconds_since(start);
  }

  void require_finite(double loss, const std::vector<std::string>& cases) const {
    // With loss scaling a step with Inf or NaN was skipped, and training goes on.
    if (std::isfinite(loss) || precision_ == Precision::fp16) return;
    std::string names;
    for (const auto& c : cases) names += (names.empty() ? "" : ", ") + c;
    throw Error(fmt::format("epoch {}, step {}", epoch_, step_.steps()),
                names.empty() ? "the loss is not finite" : "the loss is not finite; cases: " + names,
                "lower --learning_rate or set --gradient_clip_val; checkpoints of earlier epochs are kept");
  }

  void evaluate(EpochRecord& record) {
    network_->eval();
    const torch::NoGradGuard no_grad;
    const auto forward = [this](const torch::Tensor& x) {
      const AutocastScope autocast(precision_, device_);
      return network_->forward(x.to(device_)).to(torch::kFloat32);
    };
    const auto loss = [this](const torch::Tensor& logits, const torch::Tensor& label) {
      return dice_ce_loss(logits, label, o_.focal);
    };
    WindowOptions windows;
    windows.patch_size = folder_.config().patch_size;
    windows.overlap = o_.overlap;
    windows.blend = o_.blend;
    windows.batch_size = o_.val_batch_size;
    windows.tta = o_.tta;
    windows.device = device_;
    const ValidationResult v = validate(folder_, fold_.val_names, forward, loss, windows, o_.test_batches);
    record.val_loss = v.loss;
    record.dice = v.dice;
  }

  void report(const EpochRecord& r) {
    nlohmann::ordered_json data;
    if (!r.dice.empty()) {
      const EpochRecord& top = history_.epochs()[*history_.best()];
      data["mean dice"] = rounded(mean_dice(r), 2);
      data["TOP_mean"] = rounded(mean_dice(top), 2);
      if (r.dice.size() > 1)
        for (std::size_t c = 0; c < r.dice.size(); ++c) {
          data[fmt::format("L{}", c + 1)] = rounded(r.dice[c], 2);
          data[fmt::format("TOP_L{}", c + 1)] = rounded(top.dice[c], 2);
        }
      data["val_loss"] = rounded(*r.val_loss, 4);
      data["val_loss_full"] = *r.val_loss;
      data["train_loss"] = r.train_loss;
      data["data_wait_percent"] = rounded(data_wait_percent_, 3);
      logger_->log(r.epoch, data);
    }
    std::string text = fmt::format("epoch {}: train loss {:.4f}", r.epoch, r.train_loss);
    if (!r.dice.empty()) {
      text += fmt::format(", val loss {:.4f}, mean Dice {:.2f}", *r.val_loss, mean_dice(r));
      if (history_.last_is_best()) text += " (best so far)";
    }
    log::info(text + fmt::format(", {} (data {:.2f} s)", format_duration(r.seconds), r.data_seconds));
  }

  std::vector<std::string> foreground_names() const {
    const auto& labels = folder_.config().labels;
    std::vector<std::string> names;
    for (int c = 1; c < folder_.config().n_class; ++c) {
      const auto i = static_cast<std::size_t>(c);
      names.push_back(i < labels.size() ? labels[i] : fmt::format("L{}", c));
    }
    return names;
  }

  void save(bool best) {
    Checkpoint c;
    c.plan = plan_;
    c.data = folder_.config();
    c.data.cases.clear();
    c.state_dict = state_dict(*network_);
    c.training = Value::Dict{
        {"epochs_done", Value(history_.epochs().empty() ? std::int64_t{0} : history_.epochs().back().epoch + 1)},
        {"global_step", Value(step_.steps())},
        {"seed", Value(static_cast<std::int64_t>(o_.seed))},
        {"fold", Value(std::int64_t{o_.fold})},
        {"nfolds", Value(std::int64_t{o_.nfolds})},
        {"precision", Value(precision_name(precision_))},
        {"optimizer_name", Value(o_.optimizer.name)},
        {"optimizer", step_.optimizer().state()},
        {"scheduler", scheduler_.state()},
        {"scaler", step_.scaler().state()},
        {"history", history_.state()}};
    save_checkpoint(last_path(), c);
    if (best) keep_best_checkpoint(o_.results / "checkpoints", history_.epochs().back().epoch);
  }

  void resume(const std::filesystem::path& path) {
    const ForeignDefaults defaults{&folder_.config(), o_.network};
    const Checkpoint c = load_checkpoint(path, defaults);
    const std::string source = path.string();
    if (!(c.plan == plan_))
      throw Error(source, "the checkpoint is of another network than these options describe",
                  "give the options that it was trained with, or train into another --results");
    load_state_dict(*network_, c.state_dict, source);
    if (c.training.is_none()) {
      log::warn(fmt::format("{} holds weights only: optimizer and epoch start anew", source));
      return;
    }
    const auto part = [&](std::string_view key) -> const Value& {
      const Value* v = c.training.find(key);
      if (v == nullptr)
        throw Error(source, fmt::format("the checkpoint lacks '{}' of its training", key), "resume from another one");
      return *v;
    };
    if (const auto& name = part("optimizer_name").as_string(source); name != o_.optimizer.name)
      throw Error(source, fmt::format("it was trained with --optimizer {}, not {}", name, o_.optimizer.name),
                  "give the same optimizer");
    step_.optimizer().load_state(part("optimizer"), source);
    scheduler_.load_state(part("scheduler"), source);
    step_.optimizer().set_learning_rate(scheduler_.learning_rate());
    step_.scaler().load_state(part("scaler"), source);
    history_.load_state(part("history"), source);
    epoch_ = part("epochs_done").as_int(source);
    step_.set_steps(part("global_step").as_int(source));
    log::info(fmt::format("resuming {} at epoch {}", source, epoch_));
  }

  TrainResult result() const {
    TrainResult r;
    r.epochs = history_.epochs();
    if (const auto best = history_.best()) {
      r.best_epoch = r.epochs[*best].epoch;
      r.best_mean_dice = mean_dice(r.epochs[*best]);
      if (o_.save_ckpt) r.best_checkpoint = best_checkpoint_path(o_.results / "checkpoints", *r.best_epoch);
    }
    if (o_.save_ckpt || o_.max_epochs == 0) r.last_checkpoint = last_path();
    return r;
  }

  TrainOptions o_;
  torch::Device device_;
  Precision precision_;
  PreprocessedFolder folder_;
  FoldSplit fold_;
  NetworkPlan plan_;
  UNet network_;
  TrainStep step_;
  Scheduler scheduler_;
  History history_;
  std::optional<DllLogger> logger_;
  std::int64_t epoch_ = 0;
  double data_wait_percent_ = 0;  ///< of the last epoch's training
};

}  // namespace

TrainResult train(const TrainOptions& options) {
  return Trainer(options).run();
}

}  // namespace nnunet
