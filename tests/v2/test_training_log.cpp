#include "nnunet/v2/training_log.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/python_text.h"
#include "reference/shared.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

const char* const kFold =
    "reference-v2/run/models/Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres/fold_0";

std::string nnunets_log() {
  for (const auto& entry : fs::directory_iterator(test::shared_dir() / kFold))
    if (entry.path().extension() == ".txt") return read_text(entry.path());
  return "";
}

/// Lines, those with a time without it.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  constexpr std::size_t time = std::string_view("2026-11-28 21:23:10.528151").size();
  for (std::string line; std::getline(stream, line);) {
    const bool timed = line.size() > time && line.starts_with("20") && line[time] == ':';
    lines.push_back(timed ? line.substr(time) : line);
  }
  return lines;
}

/// The epochs that a log tells of, from the first one's line to the training's end.
std::vector<std::string> epochs_in(const std::vector<std::string>& lines) {
  std::vector<std::string> found;
  for (const std::string& line : lines) {
    if (line.starts_with(": Training done")) break;
    if (line.starts_with(": Epoch 0") || !found.empty()) found.push_back(line);
  }
  return found;
}

V2Logging first(const V2Logging& record, std::size_t epochs) {
  V2Logging part = record;
  for (auto* const list : {&part.mean_fg_dice, &part.ema_fg_dice, &part.train_losses, &part.val_losses})
    list->resize(epochs);
  for (auto* const list : {&part.lrs, &part.epoch_start_timestamps, &part.epoch_end_timestamps}) list->resize(epochs);
  part.dice_per_class_or_region.resize(epochs);
  return part;
}

/// nnU-Net's own training is told again, from the numbers in its checkpoint: the same lines.
TEST(TrainingLog, TellsAsNnunetDoes) {
  NNUNET_NEEDS_SHARED(kFold);
  const fs::path checkpoint = test::shared_dir() / kFold / "checkpoint_final.pth";
  const V2Model model = read_v2_model(checkpoint);
  const V2Checkpoint c = load_v2_checkpoint(checkpoint, *model.plan.network);
  const TempFolder folder;
  TrainingLog log(folder.path());
  const auto text = [&] { return read_text(log.path()); };
  log.plans(c.plans, c.configuration, c.plans.at("configurations").at(c.configuration));
  EXPECT_EQ(nnunets_log().find("#####"), text().find("#####"));
  const std::string plans = text().substr(text().find("This is the configuration"));
  EXPECT_NE(nnunets_log().find(plans), std::string::npos) << plans;

  float best = -1;
  for (std::size_t epoch = 0; epoch < c.logging.epochs(); ++epoch) {
    const V2Logging record = first(c.logging, epoch + 1);
    log.epoch_begins(static_cast<std::int64_t>(epoch), record.lrs.back());
    log.epoch_ends(record, record.ema_fg_dice.back() > best);
    best = std::max(best, record.ema_fg_dice.back());
  }
  EXPECT_EQ(epochs_in(lines_of(text())), epochs_in(lines_of(nnunets_log())));

  log.predicting("hippocampus_006", {1, 34, 52, 35});
  log.validation_ends(0.23047474085655684);
  const std::vector<std::string> ours = lines_of(text()), theirs = lines_of(nnunets_log());
  for (const std::string& line : std::vector<std::string>(ours.end() - 4, ours.end()))
    EXPECT_NE(std::ranges::find(theirs, line), theirs.end()) << line;
}

TEST(TrainingLog, FilesHaveTheTimeInTheirNames) {
  const TempFolder folder;
  const TrainingLog log(folder.path());
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  char end = 0;
  const std::string name = log.path().filename().string();
  EXPECT_EQ(std::sscanf(name.c_str(), "training_log_%d_%d_%d_%2d_%2d_%2d.tx%c", &year, &month, &day, &hour, &minute,
                        &second, &end),
            7)
      << name;
  EXPECT_TRUE(name.starts_with(fmt::format("training_log_{}_{}_{}_", year, month, day))) << name;  // not padded
}

TEST(PythonText, NumbersAreAsPythonPrintsThem) {
  EXPECT_EQ(python_repr(0.1), "0.1");
  EXPECT_EQ(python_repr(3.0), "3.0");
  EXPECT_EQ(python_repr(1e-5), "1e-05");
  EXPECT_EQ(python_repr(1e16), "1e+16");
  EXPECT_EQ(python_repr(123456789012345.0), "123456789012345.0");
  EXPECT_EQ(python_repr(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(python_repr(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(numpy_text(0.3912F), "0.3912");
  EXPECT_EQ(numpy_text(1e-4F), "1e-04");  // below 1e-4 in float32
  EXPECT_EQ(numpy_text(0.0002F), "0.0002");
  EXPECT_EQ(numpy_text(12345678.0F), "12345678.0");
  EXPECT_EQ(numpy_text(0), "0.0");
  EXPECT_EQ(numpy_text(numpy_round(0.39115F, 4)), "0.3912");
  EXPECT_EQ(python_repr(numpy_round(0.008180521460508584, 5)), "0.00818");
}

TEST(PythonText, ValuesAreAsPythonPrintsThem) {
  const Json value = Json::parse(R"({"a": [1, 2.0, null, true], "it's": "x\ny", "q": "\"", "both": "'\"", "e": {}})");
  EXPECT_EQ(python_repr(value), R"({'a': [1, 2.0, None, True], "it's": 'x\ny', 'q': '"', 'both': '\'"', 'e': {}})");
}

TEST(Progress, IsDrawnAlsoWithoutEpochsAndWithNaN) {
  const TempFolder folder;
  V2Logging record;
  draw_progress(folder / "progress.png", record);
  EXPECT_TRUE(fs::exists(folder / "progress.png"));
  record.mean_fg_dice = record.ema_fg_dice = {std::numeric_limits<float>::quiet_NaN(), 0.5F};
  record.dice_per_class_or_region = {{0.5F}, {0.5F}};
  record.train_losses = record.val_losses = {1, -0.5F};
  record.lrs = record.epoch_start_timestamps = record.epoch_end_timestamps = {1, 2};
  const auto before = fs::file_size(folder / "progress.png");
  draw_progress(folder / "progress.png", record);
  EXPECT_GT(fs::file_size(folder / "progress.png"), before);
}

}  // namespace
}  // namespace nnunet::v2
