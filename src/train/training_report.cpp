#include "training_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"

namespace nnunet {

namespace {

std::vector<std::string> foreground_names(const DataConfig& config) {
  std::vector<std::string> names;
  for (int c = 1; c < config.n_class; ++c) {
    const auto i = static_cast<std::size_t>(c);
    names.push_back(i < config.labels.size() ? config.labels[i] : fmt::format("L{}", c));
  }
  return names;
}

std::string epoch_text(const EpochRecord& r, bool best) {
  std::string text = fmt::format("epoch {}: train loss {:.4f}", r.epoch, r.train_loss);
  if (!r.dice.empty()) {
    const auto mean = mean_dice(r.dice);
    text += fmt::format(", val loss {:.4f}, mean Dice {}", *r.val_loss, mean ? fmt::format("{:.2f}", *mean) : "-");
    if (best) text += " (best so far)";
  }
  return text + fmt::format(", {} (data {:.2f} s)", format_duration(r.seconds), r.data_seconds);
}

}  // namespace

void describe_training(const TrainOptions& o, const PreprocessedFolder& folder, const FoldSplit& fold,
                       const TrainingJob& job, const UNet& network, bool native) {
  const auto parameters = network->parameters();
  const auto count = std::accumulate(parameters.begin(), parameters.end(), std::int64_t{0},
                                     [](std::int64_t n, const torch::Tensor& p) { return n + p.numel(); });
  log::info(fmt::format("{}: fold {} of {}, {} training and {} validation cases", folder.path().string(), o.cases.fold,
                        o.cases.nfolds, fold.train.size(), fold.val_names.size()));
  const std::string batch = job.group.alone()
                                ? std::to_string(o.batch_size)
                                : fmt::format("{} in each of {} processes", o.batch_size, job.group.size());
  log::info(fmt::format("{}D U-Net, filters {} ({:.1f} million parameters), patch {}, batch {}, {} on {}, engine {}",
                        network->plan().dim, fmt::join(network->plan().filters, ", "), static_cast<double>(count) / 1e6,
                        shape_text(folder.config().patch_size), batch, precision_name(job.precision), job.device.str(),
                        native ? "native" : "libtorch"));
}

TrainingReport::TrainingReport(std::filesystem::path curves, const DataConfig& config)
    : curves_(std::move(curves)), class_names_(foreground_names(config)) {}

void TrainingReport::tell(const History& history) {
  const EpochRecord& last = history.epochs().back();
  log::info(epoch_text(last, history.last_is_best()));
  if (!last.dice.empty()) {  // once, and again when they are others
    const std::string note = absent_classes_note(last.dice);
    if (!note.empty() && note != absent_note_) log::info(fmt::format("epoch {}: {}", last.epoch, note));
    absent_note_ = note;
  }
  draw_history(curves_, history, class_names_);
}

}  // namespace nnunet
