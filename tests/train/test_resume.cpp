// Tiny trainings that are continued as something else.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "infer/tiny.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/train/trainer.h"
#include "reference/shared.h"
#include "train/case_identity.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

class Resume : public testing::Test {
 protected:
  /// Six cases: a block of class 1 in noise. shift: other images and labels of the same names.
  void make_data(const std::string& name, int shift, const std::string& modality = "MRI") const {
    const fs::path path = folder_ / name;
    fs::create_directories(path);
    for (int i = 0; i < 6; ++i) write_case(path, "case_" + std::to_string(i), i + shift);
    DataConfig config = test::tiny_config(3);
    config.task.clear();
    config.modality = modality;
    write_config(path / "config.json", config);
  }
  static void write_case(const fs::path& path, const std::string& name, int shift) {
    Array<float> x({1, 8, 16, 16});
    Array<std::uint8_t> y({1, 8, 16, 16});
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      y.values[i] = i / 64 % 4 == static_cast<std::size_t>(shift) % 4 ? 1 : 0;
      x.values[i] =
          static_cast<float>(y.values[i]) + std::sin(static_cast<float>(i * 7 + static_cast<std::size_t>(shift)));
    }
    write_npy(path / (name + "_x.npy"), x);
    write_npy(path / (name + "_y.npy"), y);
  }

  TrainOptions options(std::int64_t epochs) const {
    TrainOptions o;
    o.cases.data = folder_ / "data";
    o.results = folder_ / "results";
    o.compute.gpus = 0;
    o.cases.nfolds = 3;
    o.network.depth = 1;
    o.network.filters = {4, 6};
    o.max_epochs = epochs;
    o.train_batches = 1;
    o.num_workers = 1;
    o.resume_training = true;
    return o;
  }
  TrainResult run(
      std::int64_t epochs, const std::function<void(TrainOptions&)>& change = [](TrainOptions&) {}) const {
    TrainOptions o = options(epochs);
    change(o);
    return train(o);
  }
  std::string refusal(const std::function<void(TrainOptions&)>& change) const {
    const auto before = content();
    try {
      run(3, change);
    } catch (const Error& e) {
      EXPECT_TRUE(content() == before) << "a refused training changes nothing";
      return e.what();
    }
    return "not refused";
  }
  /// Every file of the results but the lock, and what this process (but not the program) still logs into.
  std::map<std::string, std::string> content() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "results"))
      if (entry.is_regular_file() && entry.path().filename() != ".lock" && entry.path().filename() != "train.log")
        files[entry.path().string()] = read_text(entry.path());
    return files;
  }
  nlohmann::json last_line() const {
    std::ifstream file(folder_ / "results" / "logs.json");
    std::string line, last;
    while (std::getline(file, line)) last = line;
    return nlohmann::json::parse(last.substr(5)).at("data");
  }

  void SetUp() override { make_data("data", 0); }

  test::TempFolder folder_;
};

#define EXPECT_HAS(text, part)                                                             \
  do {                                                                                     \
    const std::string text_ = (text);                                                      \
    EXPECT_NE(text_.find(part), std::string::npos) << "no '" << part << "' in: " << text_; \
  } while (false)

TEST_F(Resume, TheSameTrainingGoesOn) {
  run(1);
  const TrainResult result = run(2);
  EXPECT_EQ(result.epochs.size(), 2U);
  EXPECT_EQ(read_text(folder_ / "results" / "train.log").find(" warning "), std::string::npos);
}

TEST_F(Resume, WhatMakesItAnotherTrainingIsRefused) {
  run(1);
  fs::create_directory(folder_ / "results/checkpoints/x");
  std::ofstream(folder_ / "results/checkpoints/best.ckpt.tmp") << "left by a kill";
  EXPECT_HAS(refusal([](TrainOptions& o) { o.cases.fold = 1; }), "fold: 0 before, 1 now");
  EXPECT_HAS(refusal([](TrainOptions& o) { o.cases.fold = 1; }), "validation cases are among what it was trained on");
  EXPECT_HAS(refusal([](TrainOptions& o) { o.cases.nfolds = 2; }), "nfolds: 3 before, 2 now");
  EXPECT_HAS(refusal([](TrainOptions& o) { o.focal = true; }), "--force_resume");
  EXPECT_HAS(refusal([](TrainOptions& o) { o.test_batches = 1; }), "test_batches: 2 before, 1 now");

  make_data("other", 1, "CT");
  const std::string other = refusal([&](TrainOptions& o) { o.cases.data = folder_ / "other"; });
  EXPECT_HAS(other, "modality: MRI before, CT now");
  EXPECT_HAS(other, "training cases: 4 with another content (");
  EXPECT_HAS(other, "validation cases: 2 with another content (");

  fs::copy(folder_ / "data", folder_ / "copy");  // where the data lie does not matter
  EXPECT_EQ(run(2, [&](TrainOptions& o) { o.cases.data = folder_ / "copy"; }).epochs.size(), 2U);
  write_case(folder_ / "copy", "case_6", 6);
  EXPECT_HAS(refusal([&](TrainOptions& o) { o.cases.data = folder_ / "copy"; }), "new (");
}

TEST_F(Resume, ACheckpointFromElsewhereIsComparedToo) {
  run(1);
  const auto from_there = [&](TrainOptions& o) {
    o.ckpt_path = folder_ / "results/checkpoints/last.ckpt";
    o.results = folder_ / "second";
  };
  try {
    run(2, [&](TrainOptions& o) { from_there(o), o.cases.fold = 2; });
    ADD_FAILURE() << "not refused";
  } catch (const Error& e) {
    EXPECT_HAS(e.what(), "fold: 0 before, 2 now");
  }
  EXPECT_EQ(run(2, from_there).epochs.size(), 2U);
}

TEST_F(Resume, OtherOptionsAreSaid) {
  run(1);
  const TrainResult result = run(2, [](TrainOptions& o) {
    o.batch_size = 1;
    o.optimizer.name = "sgd";
    o.optimizer.learning_rate = 0.5;
    o.scheduler.name = "cosine";
  });
  EXPECT_EQ(result.epochs.size(), 2U);
  EXPECT_NEAR(result.epochs[1].learning_rate, 0.25, 1e-9);  // half of the cosine's two epochs
  const std::string log = read_text(folder_ / "results" / "train.log");
  for (const char* const part : {"batch_size: 2 before, 1 now", "optimizer: radam before, sgd now",
                                 "scheduler: none before, cosine now", "its averages start anew"})
    EXPECT_HAS(log, part);
  EXPECT_TRUE(fs::exists(folder_ / "results/checkpoints/best.ckpt"));
}

TEST_F(Resume, ForcedItStartsTheBestAnew) {
  run(1);
  // A record that no later epoch could reach.
  const fs::path last = folder_ / "results/checkpoints/last.ckpt";
  Checkpoint c = load_checkpoint(last);
  for (auto& [key, value] : std::get<Value::Dict>(c.training.data))
    if (key == "history")
      for (auto& [entry, v] : std::get<Value::Dict>(std::get<Value::List>(value.data)[0].data))
        if (entry == "dice") v = Value(Value::List{Value(100.0), Value(100.0)});
  save_checkpoint(last, c);

  const auto forced = [](TrainOptions& o) { o.cases.fold = 1, o.force_resume = true; };
  const TrainResult result = run(2, forced);
  ASSERT_EQ(result.epochs.size(), 2U);
  EXPECT_EQ(result.best_epoch.value(), 1);
  EXPECT_TRUE(fs::exists(folder_ / "results/checkpoints/epoch=1.ckpt"));
  EXPECT_TRUE(fs::exists(folder_ / "results/earlier-1/checkpoints/epoch=0.ckpt"));
  EXPECT_EQ(last_line().at("TOP_mean"), last_line().at("mean dice"));
  std::string log = read_text(folder_ / "results" / "train.log");
  EXPECT_HAS(log, "forced: fold: 0 before, 1 now");
  EXPECT_HAS(log, "2 of the validation cases are among what");

  // From now on it is a training of fold 1, whose weights have seen its validation cases: said each time.
  const TrainResult on = run(3, [](TrainOptions& o) { o.cases.fold = 1; });
  EXPECT_EQ(on.epochs.size(), 3U);
  EXPECT_GE(on.best_epoch.value(), 1);
  log = read_text(folder_ / "results" / "train.log").substr(log.size());
  EXPECT_HAS(log, "2 of the validation cases are among what");
  EXPECT_EQ(log.find("forced"), std::string::npos) << log;
  EXPECT_HAS(refusal([](TrainOptions& o) { o.cases.fold = 0; }), "fold: 1 before, 0 now");
}

TEST_F(Resume, OlderCheckpointsAreComparedAsFarAsTheyGo) {
  run(1);
  const fs::path last = folder_ / "results/checkpoints/last.ckpt";
  Checkpoint c = load_checkpoint(last);
  auto& training = std::get<Value::Dict>(c.training.data);
  std::erase_if(training, [](const auto& entry) { return entry.first == "cases" || entry.first == "best_from"; });
  save_checkpoint(last, c);
  EXPECT_HAS(refusal([](TrainOptions& o) { o.cases.fold = 1; }), "fold: 0 before, 1 now");
  EXPECT_EQ(run(2).epochs.size(), 2U);
  EXPECT_HAS(read_text(folder_ / "results" / "train.log"), "not compared: the cases");
}

TEST_F(Resume, InitialWeightsThatKnowTheValidationCasesAreNamed) {
  run(1);
  run(1, [&](TrainOptions& o) {
    o.resume_training = false;
    o.cases.fold = 1;
    o.ckpt_path = folder_ / "results/checkpoints/last.ckpt";
    o.results = folder_ / "second";
  });
  EXPECT_HAS(read_text(folder_ / "second/train.log"), "2 of the validation cases are among what");
}

TEST_F(Resume, ClassesThatOccurNowhereLeaveTheMeanOfAnEpoch) {
  run(1, [](TrainOptions& o) { o.optimizer.learning_rate = 1e-9; });
  Checkpoint c = load_checkpoint(folder_ / "results/checkpoints/last.ckpt");
  // The untrained network may predict class 2, which no label has: make sure that it cannot.
  for (auto& [name, tensor] : c.state_dict)
    if (tensor.sizes == std::vector<std::int64_t>{3}) tensor = HostTensor({3}, std::vector<float>{0, 0, -100});
  save_checkpoint(folder_ / "start.ckpt", c);
  const TrainResult result = run(1, [&](TrainOptions& o) {
    o.optimizer.learning_rate = 1e-9;
    o.resume_training = false;
    o.ckpt_path = folder_ / "start.ckpt";
    o.results = folder_ / "second";
  });
  ASSERT_EQ(result.epochs[0].dice.size(), 2U);
  EXPECT_EQ(result.epochs[0].dice[0].cases, 2);
  EXPECT_EQ(result.epochs[0].dice[1].cases, 0);
  EXPECT_DOUBLE_EQ(result.best_mean_dice.value(), result.epochs[0].dice[0].dice);
  const std::string line = read_text(folder_ / "second/logs.json");
  const auto data = nlohmann::json::parse(line.substr(5)).at("data");
  EXPECT_EQ(data.at("mean dice"), data.at("L1"));
  EXPECT_EQ(data.at("TOP_mean"), data.at("TOP_L1"));
  EXPECT_FALSE(data.contains("L2") || data.contains("TOP_L2"));
  EXPECT_HAS(read_text(folder_ / "second/train.log"), "class 2 is in no label and no prediction; left out of the mean");
}

TEST_F(Resume, IdentityIsOfTheContent) {
  const PreprocessedFolder data(folder_ / "data", "", 3);
  fs::copy(folder_ / "data", folder_ / "copy");
  const PreprocessedFolder copy(folder_ / "copy", "", 3);
  const CaseIdentities before = identify_cases(data, data.cases());
  EXPECT_EQ(before.size(), 6U);
  EXPECT_NE(before.at("case_0"), before.at("case_1"));
  EXPECT_EQ(identify_cases(copy, copy.cases()), before);
  auto y = read_npy<std::uint8_t>(folder_ / "copy/case_2_y.npy");
  y.values.back() ^= 1;
  write_npy(folder_ / "copy/case_2_y.npy", y);
  CaseIdentities after = identify_cases(copy, copy.cases());
  EXPECT_NE(after.at("case_2"), before.at("case_2"));
  fs::remove(folder_ / "copy/case_3_y.npy");
  EXPECT_EQ(identify_cases(copy, {"case_3"}).at("case_3"), "");
}

}  // namespace
}  // namespace nnunet
