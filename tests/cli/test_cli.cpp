// The program as a user runs it: the main job from end to end on a small phantom, and what it says to bad input.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <sstream>

#include "background.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "program.h"
#include "reference/shared.h"
#include "serve/client.h"
#include "server.h"
#include "torch_bridge/python.h"

using namespace nnunet::test;

namespace {

// Everything under a folder with its content: to see that nothing was changed.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[entry.path().string()] = read(entry.path());
  return files;
}

const char* const small_network = " --filters 8 16 --depth 1";

// A phantom, preprocessed and trained for two short epochs, once for all tests.
class Cli : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    setup_ = nnunet_run("phantom --output " + at("data") + " --cases 10 --test_cases 2 --seed 3");
    setup_.text += nnunet_run(preprocess()).text;
    const Outcome trained = nnunet_run(train("results") + " --max_epochs 2 --test_batches 1");
    setup_.text += trained.text;
    setup_.code += trained.code;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  void SetUp() override { ASSERT_EQ(setup_.code, 0) << setup_.text; }

  static std::string at(const std::string& name) { return (*folder_ / name).string(); }
  static std::string preprocess() {
    return "preprocess --data " + at("data") + " --results " + at("prepared") +
           " --task 99 --dim 3 --patch_size 16 32 16";
  }
  static std::string train(const std::string& results) {
    return "train --data " + at("prepared") + " --results " + at(results) + " --task 99 --gpus 0 --train_batches 3" +
           small_network;
  }
  static std::string best() { return at("results/checkpoints/best.ckpt"); }

  // gtest's suite-wide fixtures are static; owned from SetUpTestSuite to TearDownTestSuite.
  static TempFolder* folder_;
  static Outcome setup_;
};
TempFolder* Cli::folder_ = nullptr;
Outcome Cli::setup_;

}  // namespace

TEST_F(Cli, MainJobLeavesLogsCheckpointsAndCurves) {
  const auto log = read(at("results/logs.json"));
  std::istringstream lines(log);
  std::string line;
  int epoch = 0;
  for (; std::getline(lines, line); ++epoch) {
    ASSERT_EQ(line.rfind("DLLL {", 0), 0U) << line;
    const auto json = nlohmann::json::parse(line.substr(5));
    EXPECT_EQ(json["step"], epoch);
    EXPECT_EQ(json["type"], "LOG");
    for (const char* key :
         {"mean dice", "TOP_mean", "L1", "TOP_L1", "val_loss", "val_loss_full", "train_loss", "data_wait_percent"})
      EXPECT_TRUE(json["data"].contains(key)) << key;
  }
  EXPECT_EQ(epoch, 2);
  EXPECT_TRUE(fs::exists(at("results/checkpoints/last.ckpt")));
  EXPECT_TRUE(fs::exists(best()));
  EXPECT_EQ(read(at("results/progress.png")).substr(1, 3), "PNG");
  EXPECT_FALSE(has_leftovers(at("results")));
}

TEST_F(Cli, EvaluatePredictAndScore) {
  const auto evaluated = nnunet_run("evaluate --gpus 0 --data " + at("prepared") + " --results " + at("eval") +
                                    " --task 99 --tta --ckpt_path " + best());
  ASSERT_EQ(evaluated.code, 0) << evaluated.text;
  EXPECT_NE(read(at("eval/eval_log.json")).find("\"Mean dice\""), std::string::npos);

  const std::string images = at("data") + "/Task99_Phantom/imagesTs";
  const auto predicted = nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + images + " --output " +
                                    at("maps") + " --overlays");
  ASSERT_EQ(predicted.code, 0) << predicted.text;
  int maps = 0;
  for (const auto& entry : fs::directory_iterator(images)) {
    const auto image = nnunet::read_nifti(entry.path());
    const auto map = nnunet::read_label_map(fs::path(at("maps")) / entry.path().filename());
    EXPECT_EQ(map.geometry.shape, image.geometry.shape);
    EXPECT_EQ(nnunet::affine_difference(map.geometry, image.geometry), 0);
    ++maps;
  }
  EXPECT_EQ(maps, 2);
  const auto scored = nnunet_run("score --preds " + at("maps") + " --lbls " + at("data") +
                                 "/Task99_Phantom/labelsTs --json " + at("score.json"));
  EXPECT_EQ(scored.code, 0) << scored.text;
  EXPECT_TRUE(std::regex_search(scored.text, std::regex("mean dice: [01]\\.[0-9]{4} - L1 [01]\\.[0-9]{4}")))
      << scored.text;
  EXPECT_TRUE(nlohmann::json::accept(read(at("score.json"))));
}

TEST_F(Cli, NothingIsKeptOfAnotherNetwork) {
  const std::string images = at("data") + "/Task99_Phantom/imagesTs", maps = at("several");
  const auto predict = [&](const std::string& options) {
    const auto run = nnunet_run("predict --gpus 0 --input " + images + " --output " + maps + " --ckpt_path " + options);
    EXPECT_EQ(run.code, 0) << run.text;
    return run.text;
  };
  const auto trained = nnunet_run("train --gpus 0 --data " + at("prepared") + " --results " + at("other") +
                                  " --task 99 --dim 3 --filters 8 16 --depth 1 --max_epochs 0");
  ASSERT_EQ(trained.code, 0) << trained.text;
  const std::string other = at("other/checkpoints/last.ckpt");
  EXPECT_NE(predict(best() + " --test_batches 1").find("1 images segmented, 0 kept"), std::string::npos);
  const std::string text = predict(other);
  EXPECT_NE(text.find("1 label map is made anew, since another network made it"), std::string::npos) << text;
  EXPECT_NE(text.find("2 images segmented, 0 kept"), std::string::npos) << text;
  EXPECT_NE(predict(other).find("0 images segmented, 2 kept"), std::string::npos);
  EXPECT_NE(predict(other + " --tta").find("since tta was false, now true"), std::string::npos);
  fs::remove_all(fs::path(maps) / ".nnunet");
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --input " + images + " --output " + maps + " --ckpt_path " + other),
               "without a record", "overwritten");
}

TEST_F(Cli, PredictPreprocessedFolderSavesSoftmaxInTheOriginalGrid) {
  const auto made = nnunet_run(preprocess() + " --exec_mode val");
  ASSERT_EQ(made.code, 0) << made.text;
  const std::string command = "predict --gpus 0 --data " + at("prepared") + "/99_3d/val --results " + at("preds") +
                              " --task 99 --save_preds --ckpt_path ";
  const auto predicted = nnunet_run(command + best());
  ASSERT_EQ(predicted.code, 0) << predicted.text;
  const fs::path folder = at("preds") + "/preds_task_99_dim_3_fold_0_fp32";
  ASSERT_TRUE(fs::exists(folder)) << predicted.text;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".npy") continue;
    ++files;
    const auto softmax = nnunet::read_npy<float>(entry.path());
    const auto label =
        nnunet::read_label_map(at("data") + "/Task99_Phantom/labelsTr/" + entry.path().stem().string() + ".nii.gz");
    EXPECT_EQ(softmax.spatial(), label.geometry.shape);
  }
  EXPECT_EQ(files, 2);  // the validation cases of fold 0 of 5 over 10
  const auto scored =
      nnunet_run("score --preds " + folder.string() + " --lbls " + at("data") + "/Task99_Phantom/labelsTr");
  EXPECT_EQ(scored.code, 0) << scored.text;
  EXPECT_FAILS(nnunet_run(command + at("results/checkpoints/last.ckpt") + " --overlap 0.25"), "--overwrite");
}

TEST_F(Cli, LossesDoNotDependOnTheNumberOfWorkers) {
  const auto losses = [&](const std::string& results, const std::string& more) {
    const auto run = nnunet_run(train(results) + " --max_epochs 2 --test_batches 1 " + more);
    EXPECT_EQ(run.code, 0) << run.text;
    std::vector<std::string> values;
    const std::string log = read(at(results) + "/logs.json");
    const std::regex pattern("\"(?:val_loss_full|train_loss)\": ([^,}]+)");
    for (std::sregex_iterator i(log.begin(), log.end(), pattern), end; i != end; ++i) values.push_back((*i)[1]);
    return values;
  };
  const auto one = losses("w1", "--num_workers 1");
  EXPECT_EQ(one.size(), 4U);
  EXPECT_EQ(one, losses("w4", "--num_workers 4"));
  EXPECT_NE(one, losses("s2", "--num_workers 1 --seed 2"));
}

TEST_F(Cli, ResumeContinuesAndEarlierResultsAreKept) {
  auto run = nnunet_run(train("resume") + " --max_epochs 1 --test_batches 1");
  ASSERT_EQ(run.code, 0) << run.text;
  run = nnunet_run(train("resume") + " --max_epochs 3 --test_batches 1 --resume_training");
  ASSERT_EQ(run.code, 0) << run.text;
  const auto log = read(at("resume/logs.json"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
  // Anew: the old training is moved, not lost.
  run = nnunet_run(train("resume") + " --max_epochs 1 --test_batches 1");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_EQ(read(at("resume/earlier-1/logs.json")), log);
  EXPECT_TRUE(fs::exists(at("resume/earlier-1/checkpoints/last.ckpt")));
}

TEST_F(Cli, EveryNormResidualLossOptimizerAndScheduler) {
  for (const std::string options :
       {"--norm batch --optimizer adam --scheduler cosine",
        "--norm instance --residual --focal --optimizer sgd --scheduler multistep --steps 1",
        "--scheduler plateau --gradient_clip_val 1 --amp"}) {
    const auto run = nnunet_run(train("variants") + " --max_epochs 2 --test_batches 1 --tta " + options);
    EXPECT_EQ(run.code, 0) << options << "\n" << run.text;
  }
  const auto group = nnunet_run(
      "train --data " + at("prepared") + " --results " + at("group") +
      " --task 99 --gpus 0 --train_batches 2 --max_epochs 1 --test_batches 1 --norm group --filters 32 32 --depth 1");
  EXPECT_EQ(group.code, 0) << group.text;
}

TEST_F(Cli, TwoDimensional) {
  auto run = nnunet_run("preprocess --data " + at("data") + " --results " + at("prepared") +
                        " --task 99 --dim 2 --patch_size 32 32");
  ASSERT_EQ(run.code, 0) << run.text;
  run = nnunet_run("train --dim 2 --batch_size 8 --nvol 2 --data " + at("prepared") + " --results " + at("r2d") +
                   " --task 99 --gpus 0 --train_batches 3 --max_epochs 1 --test_batches 1 --tta" + small_network);
  ASSERT_EQ(run.code, 0) << run.text;
  run = nnunet_run("predict --gpus 0 --tta --ckpt_path " + at("r2d/checkpoints/best.ckpt") + " --input " + at("data") +
                   "/Task99_Phantom/imagesTs --output " + at("maps2d"));
  EXPECT_EQ(run.code, 0) << run.text;
}

TEST_F(Cli, UntrainedCheckpointAndInfo) {
  const auto run = nnunet_run(train("untrained") + " --max_epochs 0");
  ASSERT_EQ(run.code, 0) << run.text;
  ASSERT_TRUE(fs::exists(at("untrained/checkpoints/last.ckpt")));
  for (const std::string& what :
       {at("untrained/checkpoints/last.ckpt"), at("prepared/99_3d"), at("data/Task99_Phantom")}) {
    const auto info = nnunet_run("info " + what);
    EXPECT_EQ(info.code, 0) << info.text;
    EXPECT_GT(info.text.size(), 50U);
  }
}

TEST_F(Cli, ExportsForOtherPrograms) {
  const std::string command = "export --ckpt_path " + best() + " --output ";
  for (const auto& [format, file] : {std::pair{"onnx", "model.onnx"}, std::pair{"torchscript", "model.pt"}}) {
    const auto run = nnunet_run(command + at("exported") + " --precision fp16 --argmax --format " + format);
    EXPECT_EQ(run.code, 0) << run.text;
    EXPECT_NE(run.text.find(file), std::string::npos) << run.text;
    EXPECT_GT(fs::file_size(at("exported") + "/" + file), 1000U);
  }
  const auto run = nnunet_run(command + at("models") + " --format triton --max_batch 8 --preferred_batch_sizes 4 8");
  EXPECT_EQ(run.code, 0) << run.text;
  for (const char* file :
       {"/nnunet_99_3d_onnx/config.pbtxt", "/nnunet_99_3d_torchscript/1/model.pt", "/build_nnunet_99_3d_tensorrt.sh"})
    EXPECT_TRUE(fs::exists(at("models") + file)) << file;
  EXPECT_FALSE(has_leftovers(at("models")));
  EXPECT_FAILS(nnunet_run(command + at("models") + " --format triton --preferred_batch_sizes 9"),
               "--preferred_batch_sizes");
  EXPECT_FAILS(nnunet_run("export --format onnx --ckpt_path " + at("nothing.ckpt") + " --output " + at("exported")),
               "nothing.ckpt");
}

TEST_F(Cli, BenchmarkWritesPerfJson) {
  const auto run = nnunet_run(train("bench") + " --benchmark --warmup 1");
  ASSERT_EQ(run.code, 0) << run.text;
  const auto perf = read(at("bench/perf.json"));
  for (const char* key : {"throughput_train", "latency_train_mean", "latency_train_50", "latency_train_90",
                          "latency_train_95", "latency_train_99"})
    EXPECT_NE(perf.find(key), std::string::npos) << perf;
  EXPECT_NE(perf.find("\"step\": []"), std::string::npos) << perf;
}

TEST_F(Cli, BenchmarkMeasuresEveryModeOnSyntheticData) {
  const std::string tiny =
      " --gpus 0 --data " + at("nothing") + " --num_workers 1 --warmup 0 --train_batches 2 --test_batches 2 --cases 2";
  const std::string shape =
      std::string(" --patch_size 16 32 16 --in_channels 2 --n_class 3 --batch_size 2") + small_network;
  const std::string results = " --results " + at("bench_modes");
  for (const std::string mode : {"train", "predict", "preprocess", "augment", "augment_v2", "export"}) {
    const auto run = nnunet_run("benchmark --mode " + mode + tiny + shape + results);
    ASSERT_EQ(run.code, 0) << run.text;
    EXPECT_NE(run.text.find("synthetic"), std::string::npos) << run.text;
    const auto perf = read(at("bench_modes/perf.json"));
    for (const std::string& key : {"throughput_" + mode, "latency_" + mode + "_mean", "latency_" + mode + "_50",
                                   "latency_" + mode + "_90", "latency_" + mode + "_95", "latency_" + mode + "_99"})
      EXPECT_NE(perf.find(key), std::string::npos) << perf;
  }
  const auto perf = read(at("bench_modes/perf.json"));
  for (const char* key : {"gflops_train", "gflops_predict", "peak_gflops", "peak_percent", "peak_memory_mib",
                          "data_wait_percent", "throughput_augment_per_core", "megabytes_preprocess"})
    EXPECT_NE(perf.find(key), std::string::npos) << key;
  EXPECT_EQ(std::count(perf.begin(), perf.end(), '\n'), 6);
  const auto table = read(at("bench_modes/perf.md"));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 8);
}

TEST_F(Cli, BenchmarkTracesStagesInTwoDimensions) {
  const std::string command =
      "benchmark --dim 2 --amp --gpus 0 --patch_size 32 32 --batch_size 4 --num_workers 1 "
      "--warmup 1 --train_batches 2 --test_batches 2 --profile --results " +
      at("bench_2d") + small_network;
  const auto names = [&](const std::string& mode) {
    const auto run = nnunet_run(command + " --mode " + mode);
    EXPECT_EQ(run.code, 0) << run.text;
    return read(at("bench_2d/trace.json"));
  };
  const auto training = names("train");
  for (const char* name : {"\"data\"", "\"forward\"", "\"loss\"", "\"backward\"", "\"optimizer\"", "\"aten::"})
    EXPECT_NE(training.find(name), std::string::npos) << name;
  EXPECT_NE(names("predict").find("\"forward\""), std::string::npos);
}

/// NNUNET_ISA for the programs that are started while this lives.
class InstructionSet {
 public:
  explicit InstructionSet(const char* name) {
    if (const char* const former = std::getenv(kName)) former_ = former;
    setenv(kName, name, 1);
  }
  ~InstructionSet() { former_ ? setenv(kName, former_->c_str(), 1) : unsetenv(kName); }
  InstructionSet(const InstructionSet&) = delete;
  InstructionSet& operator=(const InstructionSet&) = delete;

 private:
  static constexpr const char* kName = "NNUNET_ISA";
  std::optional<std::string> former_;
};

TEST_F(Cli, AmpWithoutBf16ArithmeticIsFp32) {
  const InstructionSet portable("portable");
  const std::string command =
      "benchmark --mode predict --dim 2 --amp --gpus 0 --patch_size 32 32 --batch_size 2 --num_workers 1 --warmup 0"
      " --test_batches 1 --data " +
      at("nothing") + small_network + " --results " + at("bench_amp");
  const auto fp32 = nnunet_run(command);
  ASSERT_EQ(fp32.code, 0) << fp32.text;
  const std::string said = "mixed precision is computed in fp32";
  EXPECT_NE(fp32.text.find(said), std::string::npos) << fp32.text;
  EXPECT_EQ(fp32.text.find(said), fp32.text.rfind(said)) << "said more than once: " << fp32.text;
  EXPECT_NE(read(at("bench_amp/perf.md")).find("precision fp32"), std::string::npos);
  const auto bf16 = nnunet_run(command + " --precision bf16");
  ASSERT_EQ(bf16.code, 0) << bf16.text;
  EXPECT_NE(bf16.text.find("emulated"), std::string::npos) << bf16.text;
}

TEST_F(Cli, BenchmarkOfAPreprocessedFolderAndARawTask) {
  const auto trained = nnunet_run("benchmark --task 99 --gpus 0 --train_batches 2 --warmup 0 --data " + at("prepared") +
                                  " --results " + at("bench_real") + small_network);
  EXPECT_EQ(trained.code, 0) << trained.text;
  EXPECT_NE(trained.text.find("99_3d"), std::string::npos) << trained.text;
  EXPECT_EQ(trained.text.find("synthetic"), std::string::npos) << trained.text;
  const auto before = snapshot(at("data"));
  const auto made = nnunet_run("benchmark --mode preprocess --dim 2 --cases 2 --data " + at("data") + " --results " +
                               at("bench_real"));
  EXPECT_EQ(made.code, 0) << made.text;  // no task 04 there: phantoms, task 04 is the default
  EXPECT_NE(made.text.find("synthetic"), std::string::npos) << made.text;
  EXPECT_EQ(snapshot(at("data")), before);
}

TEST_F(Cli, OneBadCaseDoesNotStopTheOthers) {
  const fs::path data = *folder_ / "bad";
  fs::copy(at("data"), data, fs::copy_options::recursive);
  const fs::path images = data / "Task99_Phantom" / "imagesTr";
  std::vector<fs::path> files(fs::directory_iterator(images), {});
  std::sort(files.begin(), files.end());
  fs::remove(files[0]);
  fs::resize_file(files[1], fs::file_size(files[1]) / 2);
  write(files[2], "");
  const auto before = snapshot(data);
  const std::string command = "preprocess --data " + data.string() + " --results " + at("prepared_bad") +
                              " --task 99 --dim 3 --patch_size 16 32 16";
  EXPECT_FAILS(nnunet_run(command), nnunet::nifti_stem(files[0]), nnunet::nifti_stem(files[1]),
               nnunet::nifti_stem(files[2]));
  EXPECT_EQ(snapshot(data), before) << "the dataset was written to";
  int made = 0;
  for (const auto& entry : fs::directory_iterator(at("prepared_bad/99_3d")))
    made += entry.path().string().ends_with("_x.npy");
  EXPECT_EQ(made, 7);
  EXPECT_FALSE(has_leftovers(at("prepared_bad")));
}

TEST_F(Cli, OneBadImageDoesNotStopPrediction) {
  const fs::path images = *folder_ / "mixed";
  fs::copy(at("data") + "/Task99_Phantom/imagesTs", images);
  write(images / "a_broken.nii.gz", "not an image");
  const auto before = snapshot(images);
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + images.string() + " --output " +
                          at("mixed_out")),
               "a_broken");
  EXPECT_EQ(std::distance(fs::directory_iterator(at("mixed_out")), {}), 3);  // and .nnunet
  EXPECT_EQ(snapshot(images), before);
}

TEST_F(Cli, BadOptionsAndInputs) {
  EXPECT_FAILS(nnunet_run(""), "subcommand");
  EXPECT_FAILS(nnunet_run("preprocess --data /nowhere --task 04"), "/nowhere");
  EXPECT_FAILS(nnunet_run("preprocess --data " + at("data") + " --task 57 --patch_size 16 16 16"), "57");
  EXPECT_FAILS(nnunet_run("preprocess --data " + at("data") + " --results " + at("x") + " --task 99 --dim 3"),
               "--patch_size");
  EXPECT_FAILS(nnunet_run(preprocess() + " --spacing 2 2 2"), "--overwrite");
  EXPECT_FAILS(nnunet_run(train("x") + " --fold 5"), "fold");
  EXPECT_FAILS(nnunet_run(train("x") + " --nfolds 11"), "fold");
  EXPECT_FAILS(nnunet_run(train("x") + " --optimizer lion"), "--optimizer");
  EXPECT_FAILS(nnunet_run("train --task 99 --gpus 64 --data " + at("prepared") + " --results " + at("x")), "GPU");
  EXPECT_FAILS(nnunet_run("train --task 99 --data /nowhere --gpus 0"), "/nowhere");
  EXPECT_FAILS(nnunet_run("evaluate --gpus 0 --task 99 --data " + at("prepared")), "--ckpt_path");
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --task 99 --data " + at("prepared")), "--ckpt_path");
  EXPECT_FAILS(
      nnunet_run("predict --gpus 0 --ckpt_path " + at("none.ckpt") + " --input " + at("data") + " --output " + at("o")),
      "none.ckpt");
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + at("none.nii.gz") + " --output " +
                          at("o.nii.gz")),
               "none.nii.gz");
  EXPECT_FAILS(nnunet_run("score --preds " + at("none") + " --lbls " + at("none")), "none");
  EXPECT_FAILS(nnunet_run("info " + at("none")), "none");
}

TEST_F(Cli, BadBenchmarkOptions) {
  const std::string bench = "benchmark --gpus 0 --data /nowhere --results " + at("x");
  EXPECT_FAILS(nnunet_run(bench + " --mode dream"), "--mode");
  EXPECT_FAILS(nnunet_run(bench + " --task 57"), "57", "--patch_size");
  EXPECT_FAILS(nnunet_run(bench + " --patch_size 16 16"), "--patch_size");
  EXPECT_FAILS(nnunet_run(bench + " --patch_size 16 16 0"), "--patch_size");
  EXPECT_FAILS(nnunet_run(bench + " --patch_size 16 16 16 --train_batches 2 --warmup 2"), "--warmup");
  EXPECT_FAILS(nnunet_run("benchmark --gpus 64 --results " + at("x")), "GPU");
  EXPECT_FAILS(nnunet_run("benchmark --gpus 0 --results " + at("results/logs.json") + "/x"), "logs.json");
  EXPECT_FAILS(nnunet_run("train --benchmark --task 04 --gpus 0 --data /nowhere --results " + at("x")), "/nowhere");
}

TEST_F(Cli, CheckpointOfAnotherShape) {
  EXPECT_FAILS(nnunet_run("train --data " + at("prepared") + " --results " + at("other_shape") +
                          " --task 99 --gpus 0 --filters 16 32 --depth 1 --ckpt_path " + best()),
               "best.ckpt");
  EXPECT_FALSE(fs::exists(at("other_shape/checkpoints")));
}

TEST_F(Cli, UnwritableResults) {
  write(at("file"), "a file, not a folder");
  EXPECT_FAILS(nnunet_run(train("file/results") + " --max_epochs 1"), at("file"));
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + at("data") +
                          "/Task99_Phantom/imagesTs --output " + at("file/x")),
               at("file"));
  EXPECT_EQ(read(at("file")), "a file, not a folder");
}

// A limit on file sizes stands in for a full disk: the write fails in the middle.
TEST_F(Cli, DiskFullLeavesNothingHalfWritten) {
  const std::string limited = "ulimit -f 8; " + std::string(NNUNET_BINARY_DIR) + "/bin/nnunet ";
  EXPECT_FAILS(shell(limited + "preprocess --data " + at("data") + " --results " + at("full") +
                     " --task 99 --dim 3 --patch_size 16 32 16"),
               at("full"));
  EXPECT_FALSE(has_leftovers(at("full")));
  for (const auto& entry : fs::recursive_directory_iterator(at("full")))
    EXPECT_FALSE(entry.path().string().ends_with("_x.npy")) << entry.path();
  const auto kept = read(at("results/checkpoints/last.ckpt"));
  EXPECT_FAILS(shell(limited + train("results") + " --max_epochs 3 --test_batches 1 --resume_training"), "ckpt");
  EXPECT_EQ(read(at("results/checkpoints/last.ckpt")), kept);
  EXPECT_FALSE(has_leftovers(at("results")));
}

TEST_F(Cli, HelpOfEveryCommandStatesDefaults) {
  for (const std::string command :
       {"preprocess", "train", "evaluate", "predict", "score", "download", "info", "phantom", "benchmark"}) {
    const auto help = nnunet_run(command + " --help");
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_GT(help.text.size(), 200U) << command;
  }
  EXPECT_NE(nnunet_run("train --help").text.find("0.001"), std::string::npos);
  EXPECT_EQ(nnunet_run("--version").code, 0);
}

/// NVIDIA's client for Triton, over HTTP and over gRPC.
TEST_F(Cli, TritonsClientIsServed) {
  Server server("--gpus 0 --model phantom=" + best());
  ASSERT_NE(server.port(), 0) << server.log();
  ASSERT_NE(server.grpc_port(), 0) << server.log();
  const auto script = fs::path(NNUNET_TESTS_DIR) / "serve/triton_client.py";
  for (const auto& [protocol, port] : {std::pair{"http", server.port()}, {"grpc", server.grpc_port()}}) {
    const auto client = shell("'" + python_with_torch() + "' '" + script.string() + "' " + protocol +
                              " 127.0.0.1:" + std::to_string(port) + " phantom");
    if (client.code == 77) {
      std::cerr << "SKIPPED: Python has no tritonclient[grpc,http], see scripts/setup.sh" << std::endl;
      GTEST_SKIP() << "no tritonclient";
    }
    EXPECT_EQ(client.code, 0) << protocol << "\n" << client.text << server.log();
  }
  EXPECT_EQ(server.stop(), 0) << server.log();
}

TEST_F(Cli, ServedLabelMapsAreThoseOfPredict) {
  Server server("--gpus 0 --access_log " + at("access.log") + " --model phantom=" + best());
  ASSERT_NE(server.port(), 0) << server.log();
  EXPECT_EQ(request(server.port(), "GET", "/page/app.js").body, read(NNUNET_BINARY_DIR "/share/nnunet/page/app.js"));
  const std::string images = at("data") + "/Task99_Phantom/imagesTs";
  const auto predicted =
      nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + images + " --output " + at("unserved"));
  ASSERT_EQ(predicted.code, 0) << predicted.text;
  for (const auto& entry : fs::directory_iterator(images)) {
    const std::string expected = read(fs::path(at("unserved")) / entry.path().filename());
    const Reply file = request(server.port(), "POST", "/v1/segment/phantom", read(entry.path()));
    ASSERT_EQ(file.status, 200) << file.body;
    EXPECT_TRUE(file.body == expected);

    const auto image = nnunet::read_nifti(entry.path());
    const auto& spacing = image.geometry.spacing;
    const nlohmann::json volume{{"name", "INPUT__0"},
                                {"datatype", "FP32"},
                                {"shape", image.voxels.shape},
                                {"parameters", {{"binary_data_size", image.voxels.values.size() * sizeof(float)}}}};
    const nlohmann::json second{{"name", "INPUT__1"}, {"datatype", "FP32"}, {"shape", {3}}, {"data", spacing}};
    const nlohmann::json json{{"inputs", {volume, second}}, {"parameters", {{"binary_data_output", true}}}};
    std::string body = json.dump();
    const std::string length = "Inference-Header-Content-Length: " + std::to_string(body.size());
    body.append(reinterpret_cast<const char*>(image.voxels.data()), image.voxels.values.size() * sizeof(float));
    const Reply tensor = request(server.port(), "POST", "/v2/models/phantom_volume/infer", body, {length});
    ASSERT_EQ(tensor.status, 200) << tensor.body;
    const auto labels = nnunet::read_label_map(fs::path(at("unserved")) / entry.path().filename()).voxels.values;
    EXPECT_TRUE(tensor.body.substr(std::stoul(tensor.headers.at("inference-header-content-length"))) ==
                std::string(labels.begin(), labels.end()));
  }
  EXPECT_EQ(server.stop(), 0) << server.log();
  EXPECT_NE(read(at("access.log")).find("/v1/segment/phantom"), std::string::npos);
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --model phantom"), "names no model and file");
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --model a_volume=" + best()), "is no name");
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --host 203.0.113.1 --model a=" + best()), "cannot listen");
}

TEST_F(Cli, ClientAndLoadOnAServer) {
  Server server("--gpus 0 --access_log " + at("client_access.log") + " --model phantom=" + best());
  ASSERT_NE(server.port(), 0) << server.log();
  const std::string to = " --url http://127.0.0.1:" + std::to_string(server.port()) + " --model phantom";
  const std::string task = at("data") + "/Task99_Phantom";
  const std::string fold = " --data " + at("prepared") + " --task 99 --fold 1 --lbls " + task + "/labelsTr";
  const auto served = nnunet_run("client" + to + " --jobs 2 --input " + task + "/imagesTr --output " + at("served") +
                                 fold + " --csv " + at("served.csv"));
  ASSERT_EQ(served.code, 0) << served.text;
  ASSERT_EQ(
      nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + task + "/imagesTr --output " + at("local"))
          .code,
      0);
  int maps = 0;
  for (const auto& entry : fs::directory_iterator(at("served"))) {
    if (entry.is_directory()) continue;  // .nnunet
    EXPECT_TRUE(read(entry.path()) == read(fs::path(at("local")) / entry.path().filename())) << entry.path();
    EXPECT_NE(read(at("served.csv")).find(nnunet::nifti_stem(entry.path()) + ",L1,"), std::string::npos);
    ++maps;
  }
  EXPECT_EQ(maps, 2);  // ten cases, five folds
  EXPECT_NE(served.text.find("mean dice: "), std::string::npos) << served.text;
  const auto again = nnunet_run("client" + to + " --input " + task + "/imagesTr --output " + at("served") + fold);
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_NE(again.text.find("2 kept"), std::string::npos) << again.text;
  // The server's network and options are those of predict, so that either goes on with the other's folder.
  const auto local = nnunet_run("client" + to + " --input " + task + "/imagesTr --output " + at("local") + fold);
  EXPECT_NE(local.text.find("2 kept"), std::string::npos) << local.text;

  write(fs::path(at("bad_images")) / "bad.nii.gz", "no image");
  EXPECT_FAILS(nnunet_run("client" + to + " --input " + at("bad_images") + " --output " + at("none")),
               "case bad failed", "1 of 1 cases failed");

  const auto load = nnunet_run("benchmark --mode serve" + to + " --requests 6 --warmup 1 --batch_sizes 1 3 " +
                               "--concurrency 2 --results " + at("load") + " --csv " + at("load.csv"));
  ASSERT_EQ(load.code, 0) << load.text;
  const std::string csv = read(at("load.csv"));
  EXPECT_EQ(csv.rfind("Test,Batch,Concurrency,Inferences/Second,", 0), 0U) << csv;
  for (const char* row : {"\noffline,1,1,", "\noffline,3,1,", "\nonline,1,2,"})
    EXPECT_NE(csv.find(row), std::string::npos) << csv;
  const std::string log = read(at("load/perf.json"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
  const auto last = nlohmann::json::parse(log.substr(log.rfind("DLLL ") + 5))["data"];
  EXPECT_EQ(last["test"], "online");
  EXPECT_EQ(last["requests"], 6.0);
  EXPECT_GT(last["server_compute_infer_ms"], 0);
  EXPECT_FAILS(nnunet_run("benchmark --mode serve --results " + at("load")), "--model: is not given");
  EXPECT_EQ(server.stop(), 0) << server.log();
}

TEST_F(Cli, NamesInCapitalsLongNamesAndLinks) {
  const fs::path images = at("data") + "/Task99_Phantom/imagesTs", input = at("habits");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(images)) files.push_back(entry.path());
  fs::create_directories(input);
  const std::string longest(248, 'n');
  fs::copy(files.at(0), input / "A.NII.GZ");
  fs::copy(files.at(0), input / (longest + ".nii.gz"));
  fs::create_symlink(files.at(1), input / "b.nii.gz");
  ASSERT_EQ(mkfifo((input / "pipe.nii.gz").c_str(), 0600), 0);
  const std::string predict = "predict --gpus 0 --ckpt_path " + best() + " --input " + input.string() + " --output ";
  EXPECT_FAILS(nnunet_run(predict + at("habits_out")), "pipe.nii.gz: is a pipe (FIFO), not a regular file",
               "3 images segmented", "1 of 4 cases failed");
  for (const std::string& name : {std::string("A"), std::string("b"), longest})
    EXPECT_TRUE(fs::exists(fs::path(at("habits_out")) / (name + ".nii.gz"))) << name;
  EXPECT_FALSE(has_leftovers(at("habits_out")));

  fs::remove(input / "pipe.nii.gz");
  fs::copy(files.at(0), input / "b.NII");
  EXPECT_FAILS(nnunet_run(predict + at("habits_twice")), "b.NII and b.nii.gz would have the same output");
  EXPECT_FALSE(fs::exists(at("habits_twice") + "/b.nii.gz"));
  fs::rename(input / (longest + ".nii.gz"), input / (longest + "nnn.nii"));
  EXPECT_FAILS(nnunet_run(predict + at("habits_long")), "name has 258 bytes, the disk allows 255");
}

TEST_F(Cli, OutputsOfOtherKindsAreRefusedBeforeAnyWork) {
  const std::string images = at("data") + "/Task99_Phantom/imagesTs";
  // Whether the network is there is not even looked at.
  for (const std::string command :
       {"predict --gpus 0 --ckpt_path none.ckpt", "client --model m --url http://127.0.0.1:9"})
    for (const char* name : {"map.mha", "map.NRRD", "map.nii.bz2"})
      EXPECT_FAILS(nnunet_run(command + " --input " + images + " --output " + at(name)), at(name),
                   "label maps are written as .nii.gz or .nii");
  EXPECT_FAILS(nnunet_run("export --ckpt_path none.ckpt --format onnx --output " + at("model.onnx")),
               "is to be a folder, but the name ends in .onnx");
  EXPECT_FAILS(nnunet_run("train --data none --results " + at("best.ckpt")), "is to be a folder");
  EXPECT_FAILS(nnunet_run("score --preds none --lbls none --json " + at("scores.csv")), ".csv files cannot be written");
  for (const char* name : {"map.mha", "map.nii.bz2", "model.onnx", "best.ckpt", "scores.csv"})
    EXPECT_FALSE(fs::exists(at(name))) << name;
  const auto made = nnunet_run("predict --gpus 0 --ckpt_path " + best() + " --input " + images + " --output " +
                               at("maps.v2") + " --test_batches 1");
  EXPECT_EQ(made.code, 0) << made.text;
  EXPECT_TRUE(fs::is_directory(at("maps.v2")));
}

TEST_F(Cli, DatasetsOfLinksAndLongNames) {
  const fs::path task = at("data") + "/Task99_Phantom", linked = at("linked");
  fs::copy(task, linked, fs::copy_options::recursive);
  fs::create_directories(at("archive"));
  for (const auto& entry : fs::directory_iterator(linked / "imagesTr")) {
    const fs::path kept = fs::path(at("archive")) / entry.path().filename();
    fs::rename(entry.path(), kept);
    fs::create_symlink(kept, entry.path());
  }
  const std::string options = " --task 99 --dim 3 --patch_size 16 32 16 --quiet --results ";
  const auto made = nnunet_run("preprocess --dataset_dir " + linked.string() + options + at("from_links"));
  EXPECT_EQ(made.code, 0) << made.text;
  EXPECT_EQ(read(at("from_links/99_3d/phantom_001_x.npy")), read(at("prepared/99_3d/phantom_001_x.npy")));

  // The name fits as an image, but not with what preprocessing adds to it.
  const std::string longest(248, 'n');
  fs::rename(linked / "imagesTr/phantom_001.nii.gz", linked / ("imagesTr/" + longest + ".nii.gz"));
  std::string json = read(linked / "dataset.json");
  json.replace(json.find("imagesTr/phantom_001"), 20, "imagesTr/" + longest);
  write(linked / "dataset.json", json);
  const auto fits = nnunet_run("preprocess --dataset_dir " + linked.string() + options + at("long_names"));
  EXPECT_EQ(fits.code, 0) << fits.text;
  EXPECT_TRUE(fs::exists(at("long_names/99_3d/" + longest + "_x.npy")));
  EXPECT_FALSE(has_leftovers(at("long_names")));
  EXPECT_FAILS(nnunet_run("preprocess --exec_mode val --dataset_dir " + linked.string() + options + at("long_names")),
               "name has 257 bytes, the disk allows 255");

  json.replace(json.find("\"labels\": {"), 11, "\"labels\": {,");
  write(linked / "dataset.json", json);
  EXPECT_FAILS(nnunet_run("preprocess --dataset_dir " + linked.string() + options + at("broken")),
               "dataset.json: is not valid JSON: line 8, column 14");
}

TEST(CommandLine, TheLastOfARepeatedOptionCounts) {
  const TempFolder folder;
  const std::string to = "phantom --cases 1 --test_cases 1 --output " + (folder / "first").string();
  const auto made = nnunet_run(to + " --seed 3 --seed 4 --output " + (folder / "last").string() + " --seed=5");
  EXPECT_EQ(made.code, 0) << made.text;
  EXPECT_FALSE(fs::exists(folder / "first"));
  EXPECT_NE(read(folder / "last/Task99_Phantom/dataset.json").find("\"seed\": 5"), std::string::npos);
  const std::string dataset = (folder / "last/Task99_Phantom").string(), results = (folder / "p").string();
  const auto prepared = nnunet_run(
      "preprocess --task 98 --dataset_dir none --quiet --quiet --patch_size 8 8 --patch_size 16 32 16 "
      "--dim 2 --dim 3 --task 99 --dataset_dir " +
      dataset + " --results " + results);
  EXPECT_EQ(prepared.code, 0) << prepared.text;
  EXPECT_NE(read(folder / "p/99_3d/config.json").find("16"), std::string::npos);
  // Of the engine's commands, too.
  EXPECT_FAILS(nnunet_run("train --max_epochs 3 --max_epochs 4 --save_ckpt --no-save_ckpt --steps 1 2 --steps 3 --data "
                          "one --data " +
                          (folder / "none").string()),
               (folder / "none").string());
}

TEST(CommandLine, NumbersInMessagesCanBeRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"train --learning_rate 0,001", "--learning_rate: '0,001' is not a number: use a decimal point: 0.001\n"},
      {"train --momentum 0,9", "--momentum: '0,9' is not a number: use a decimal point: 0.9\n"},
      {"train --learning_rate -1", "--learning_rate: must be above 0, not -1\n"},
      {"train --max_epochs -1", "--max_epochs: must be at least 0, not -1\n"},
      {"train --max_epochs 1e3", "--max_epochs: '1e3' is not a whole number: write 1000\n"},
      {"train --oversampling 1.5", "--oversampling: must be from 0 to 1, not 1.5\n"},
      {"train --weight_decay nan", "--weight_decay: 'nan' is not a number\n"},
      {"serve --model a=b --grpc_port 70000", "--grpc_port: must be from -1 to 65535, not 70000\n"},
      {"preprocess --spacing 1,5 1 1",
       "--spacing: '1,5' is not a number: separate numbers with blanks, and use a "
       "decimal point\n"},
      {"score --preds a --lbls b --n_jobs two", "--n_jobs: 'two' is not a whole number\n"},
  };
  for (const auto& [arguments, message] : cases) {
    const auto refused = nnunet_run(arguments);
    EXPECT_EQ(refused.code, 105) << refused.text;
    EXPECT_EQ(refused.text.rfind(message, 0), 0U) << refused.text;
  }
}
