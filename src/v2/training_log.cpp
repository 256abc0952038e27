#include "nnunet/v2/training_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <fstream>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/report/plot.h"
#include "nnunet/v2/python_text.h"

namespace nnunet::v2 {
namespace {

std::tm local_time(TrainingLog::Clock::time_point time) {
  const std::time_t seconds = TrainingLog::Clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

/// As Python's datetime prints itself.
std::string time_text(TrainingLog::Clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const auto micro = static_cast<int>(((since % 1000000) + 1000000) % 1000000);
  const std::string text = fmt::format("{:%Y-%m-%d %H:%M:%S}", local_time(time));
  return micro == 0 ? text : fmt::format("{}.{:06}", text, micro);
}

std::string file_name(TrainingLog::Clock::time_point time) {
  const std::tm t = local_time(time);
  return fmt::format("training_log_{}_{}_{}_{:02}_{:02}_{:02}.txt", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec);
}

constexpr const char* kRule = "#######################################################################";

}  // namespace

TrainingLog::TrainingLog(const std::filesystem::path& folder, Clock::time_point now) : path_(folder / file_name(now)) {
  if (!std::ofstream(path_, std::ios::app))
    throw Error(path_.string(), "cannot be written", "make the folder writable, or choose another $nnUNet_results");
  plain(
      fmt::format("\n{0}\nPlease cite the following paper when using nnU-Net:\n"
                  "Isensee, F., Jaeger, P. F., Kohl, S. A., Petersen, J., & Maier-Hein, K. H. (2021). nnU-Net: a "
                  "self-configuring method for deep learning-based biomedical image segmentation. Nature methods, "
                  "18(2), 203-211.\n{0}\n",
                  kRule));
}

void TrainingLog::append(const std::string& text) {
  std::ofstream file(path_, std::ios::app);
  if (file << text << std::flush) return;
  if (!failed_) log::warn(fmt::format("{}: cannot be written; the training goes on without it", path_.string()));
  failed_ = true;
}

void TrainingLog::line(std::string_view text, Clock::time_point now) {
  append(fmt::format("{}: {} \n", time_text(now), text));
}

void TrainingLog::plain(std::string_view text) {
  append(fmt::format("{} \n", text));
}

void TrainingLog::plans(const Json& plans, const std::string& configuration_name, const Json& configuration) {
  Json rest = plans;
  rest.erase("configurations");
  plain(fmt::format("\nThis is the configuration used by this training:\nConfiguration name: {}\n {} \n",
                    configuration_name, python_repr(configuration)));
  plain(fmt::format("These are the global plan.json settings:\n {} \n", python_repr(rest)));
}

void TrainingLog::epoch_begins(std::int64_t epoch, double learning_rate) {
  line("");
  line(fmt::format("Epoch {}", epoch));
  line(fmt::format("Current learning rate: {}", python_repr(numpy_round(learning_rate, 5))));
}

void TrainingLog::epoch_ends(const V2Logging& record, bool best) {
  const std::size_t last = record.epochs() - 1;
  std::vector<std::string> dice;
  for (const float value : record.dice_per_class_or_region[last])
    dice.push_back(fmt::format("np.float32({})", numpy_text(numpy_round(value, 4))));
  const double seconds = record.epoch_end_timestamps[last] - record.epoch_start_timestamps[last];
  line(fmt::format("train_loss {}", numpy_text(numpy_round(record.train_losses[last], 4))));
  line(fmt::format("val_loss {}", numpy_text(numpy_round(record.val_losses[last], 4))));
  line(fmt::format("Pseudo dice [{}]", fmt::join(dice, ", ")));
  line(fmt::format("Epoch time: {} s", python_repr(numpy_round(seconds, 2))));
  if (best)
    line(fmt::format("Yayy! New best EMA pseudo Dice: {}",
                     python_repr(static_cast<double>(numpy_round(record.ema_fg_dice[last], 4)))));
}

void TrainingLog::predicting(const std::string& name, const std::vector<std::int64_t>& shape, int rank) {
  line(fmt::format("predicting {}", name));
  line(fmt::format("{}, shape torch.Size([{}]), rank {}", name, fmt::join(shape, ", "), rank));
}

void TrainingLog::validation_ends(double mean_dice) {
  line("Validation complete");
  line(fmt::format("Mean Validation Dice:  {}", python_repr(mean_dice)));
}

void draw_progress(const std::filesystem::path& path, const V2Logging& record) {
  const std::size_t epochs = record.epochs();
  const auto curve = [&](const char* name, const auto& values, bool right = false) {
    Curve c{name, {}, {}, right};
    for (std::size_t i = 0; i < epochs; ++i) {
      c.x.push_back(static_cast<double>(i));
      c.y.push_back(static_cast<double>(values[i]));
    }
    return c;
  };
  std::vector<double> seconds;
  for (std::size_t i = 0; i < epochs; ++i)
    seconds.push_back(record.epoch_end_timestamps[i] - record.epoch_start_timestamps[i]);
  const Panel losses{"Loss and pseudo Dice",
                     "epoch",
                     "loss",
                     {curve("training", record.train_losses), curve("validation", record.val_losses),
                      curve("pseudo Dice", record.mean_fg_dice, true),
                      curve("pseudo Dice (moving average)", record.ema_fg_dice, true)},
                     false,
                     "pseudo Dice"};
  const Panel times{"Seconds per epoch", "epoch", "s", {curve("whole epoch", seconds)}};
  const Panel rates{"Learning rate", "epoch", "", {curve("learning rate", record.lrs)}};
  const std::string title =
      epochs == 0 ? "Training" : fmt::format("Training, {} epoch{}", epochs, epochs == 1 ? "" : "s");
  draw_panels(path, title, {losses, times, rates}, 1);
}

}  // namespace nnunet::v2
