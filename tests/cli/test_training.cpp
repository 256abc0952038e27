// Trainings of several processes, and trainings that are killed, stopped, resumed or given bad files and full disks.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "background.h"
#include "nnunet/io/npy.h"
#include "program.h"
#include "reference/free_port.h"
#include "reference/shared.h"

using namespace nnunet::test;

namespace {

struct Epoch {
  double train_loss = 0, val_loss = 0, mean_dice = 0;
  bool operator==(const Epoch&) const = default;
};

std::vector<Epoch> losses(const fs::path& results) {
  std::vector<Epoch> epochs;
  std::istringstream lines(read(results / "logs.json"));
  for (std::string line; std::getline(lines, line);) {
    const auto data = nlohmann::json::parse(line.substr(5))["data"];
    epochs.push_back({data["train_loss"], data["val_loss_full"], data["mean dice"]});
  }
  return epochs;
}

/// Another one after each save; 0 before the first.
ino_t save_of(const fs::path& results) {
  struct stat status {};
  return ::stat((results / "checkpoints/last.ckpt").c_str(), &status) == 0 ? status.st_ino : 0;
}

void expect_close(const std::vector<Epoch>& a, const std::vector<Epoch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].train_loss, b[i].train_loss, 1e-5 * a[i].train_loss) << "epoch " << i;
    EXPECT_NEAR(a[i].val_loss, b[i].val_loss, 1e-5 * a[i].val_loss) << "epoch " << i;
  }
}

const std::string program = std::string(NNUNET_BINARY_DIR) + "/bin/nnunet ";

/// A phantom, preprocessed once for all tests.
class Training : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    setup_ = nnunet_run("phantom --output " + at("data") + " --cases 10 --test_cases 0 --seed 3");
    const Outcome prepared = nnunet_run("preprocess --data " + at("data") + " --results " + at("prepared") +
                                        " --task 99 --dim 3 --patch_size 16 32 16");
    setup_.code += prepared.code;
    setup_.text += prepared.text;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  void SetUp() override { ASSERT_EQ(setup_.code, 0) << setup_.text; }

  static std::string at(const std::string& name) { return (*folder_ / name).string(); }
  static std::string train(const std::string& results, const std::string& more = "") {
    return "train --data " + at("prepared") + " --results " + at(results) +
           " --task 99 --gpus 0 --filters 8 16 --depth 1 --test_batches 2 --learning_rate 0.003 " + more;
  }
  /// Two processes with that environment each, {} standing for the rank.
  static Outcome two_processes(const std::string& environment, const std::string& arguments) {
    const auto one = [&](const std::string& rank) {
      std::string text = environment;
      for (std::size_t i; (i = text.find("{}")) != std::string::npos;) text.replace(i, 2, rank);
      return text + " OMP_NUM_THREADS=1 " + program + arguments;
    };
    return shell(one("1") + " & first=$!; " + one("0") + "; code=$?; wait $first && exit $code");
  }

  // gtest's suite-wide fixtures are static; owned from SetUpTestSuite to TearDownTestSuite.
  static TempFolder* folder_;
  static Outcome setup_;
};
TempFolder* Training::folder_ = nullptr;
Outcome Training::setup_;

const std::string twenty_steps = " --train_batches 4 --max_epochs 5";

}  // namespace

TEST_F(Training, TwoProcessesTrainAsOne) {
  for (const std::string norm : {"--norm instance", "--norm batch --sync_batchnorm"}) {
    const std::string more = norm + twenty_steps;
    ASSERT_EQ(nnunet_run(train("one", more + " --batch_size 2")).code, 0);
    const Outcome two = nnunet_run(train("two", more + " --batch_size 1 --procs 2"));
    ASSERT_EQ(two.code, 0) << two.text;
    ASSERT_EQ(losses(at("one")).size(), 5U);
    expect_close(losses(at("one")), losses(at("two")));
    fs::remove_all(at("one"));
    fs::remove_all(at("two"));
  }
}

TEST_F(Training, LaunchersAreRecognised) {
  ASSERT_EQ(nnunet_run(train("one", "--batch_size 2 --train_batches 2 --max_epochs 2")).code, 0);
  const std::string more = "--batch_size 1 --train_batches 2 --max_epochs 2";
  const std::string port = "MASTER_PORT=" + std::to_string(free_port());
  const Outcome slurm = two_processes(
      "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 "
      "SLURM_PROCID={} SLURM_LOCALID={} SLURM_STEP_TASKS_PER_NODE=2 "
      "SLURM_STEP_NODELIST=localhost MASTER_ADDR=127.0.0.1 " +
          port,
      train("slurm", more));
  ASSERT_EQ(slurm.code, 0) << slurm.text;
  expect_close(losses(at("one")), losses(at("slurm")));

  std::string python;
  std::getline(std::ifstream(NNUNET_PYTHON_FILE), python);
  const fs::path torchrun = fs::path(python).parent_path() / "torchrun";
  if (!fs::exists(torchrun)) GTEST_SKIP() << "no torchrun beside " << python;
  const Outcome run = shell(torchrun.string() + " --no-python --nproc-per-node 2 --master-port " +
                            std::to_string(free_port()) + " " + program + train("torchrun", more));
  ASSERT_EQ(run.code, 0) << run.text;
  expect_close(losses(at("one")), losses(at("torchrun")));
}

TEST_F(Training, LocalDiceIsAnotherLoss) {
  ASSERT_EQ(nnunet_run(train("one", "--batch_size 2 --train_batches 2 --max_epochs 1")).code, 0);
  ASSERT_EQ(nnunet_run(train("two", "--batch_size 1 --train_batches 2 --max_epochs 1 --procs 2 --local_dice")).code, 0);
  EXPECT_GT(std::abs(losses(at("one"))[0].train_loss - losses(at("two"))[0].train_loss), 1e-3);
}

TEST_F(Training, KilledAndResumedGivesTheSameDigits) {
  const std::string more = "--train_batches 4 --max_epochs 20 --save_every_n_steps 1";
  ASSERT_EQ(nnunet_run(train("undisturbed", more)).code, 0);
  bool saved = false;
  for (const int wanted : {1, 5, 2}) {  // killed after so many saves, at whatever it does then
    Background training(program + train("killed", more + " --resume_training"));
    const auto enough = [saves = 0, wanted, last = save_of(at("killed"))]() mutable {
      if (const ino_t save = save_of(at("killed")); save != std::exchange(last, save)) ++saves;
      return saves >= wanted;
    };
    ASSERT_TRUE(training.runs_until(enough)) << training.log();
    training.send(SIGKILL);
    const Outcome killed = training.wait();
    ASSERT_EQ(killed.code, 128 + SIGKILL) << killed.text;
    EXPECT_EQ(killed.text.find("resuming") != std::string::npos, std::exchange(saved, true)) << killed.text;
  }
  const Outcome last = nnunet_run(train("killed", more + " --resume_training"));
  ASSERT_EQ(last.code, 0) << last.text;
  EXPECT_NE(last.text.find("resuming"), std::string::npos) << last.text;
  EXPECT_EQ(losses(at("killed")), losses(at("undisturbed")));
  EXPECT_FALSE(has_leftovers(at("killed")));
}

TEST_F(Training, StopsOnASignalAndGoesOn) {
  const std::string more = "--train_batches 4 --max_epochs 20";
  ASSERT_EQ(nnunet_run(train("undisturbed", more)).code, 0);
  for (const auto& [signal, name] : {std::pair{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}}) {
    const ino_t before = save_of(at("stopped"));
    Background training(program + train("stopped", more + " --resume_training"));
    ASSERT_TRUE(training.runs_until([&] { return save_of(at("stopped")) != before; })) << training.log();
    training.send(signal);
    const Outcome stopped = training.wait();
    EXPECT_EQ(stopped.code, 75) << stopped.text;
    EXPECT_NE(stopped.text.find(std::string("stopped by ") + name), std::string::npos) << stopped.text;
  }
  const Outcome last = nnunet_run(train("stopped", more + " --resume_training"));
  ASSERT_EQ(last.code, 0) << last.text;
  EXPECT_EQ(losses(at("stopped")), losses(at("undisturbed")));
}

TEST_F(Training, DamagedCheckpointsAreRefusedAndTheOneBeforeIsUsed) {
  const std::string more = "--train_batches 2 --max_epochs ";
  ASSERT_EQ(nnunet_run(train("undisturbed2", more + "4")).code, 0);
  ASSERT_EQ(nnunet_run(train("torn", more + "3")).code, 0);
  const fs::path last = at("torn/checkpoints/last.ckpt");
  const std::string whole = read(last);
  fs::remove(last);  // best.ckpt is another name of it
  write(last, whole.substr(0, whole.size() / 2));
  Outcome resumed = nnunet_run(train("torn", more + "4 --resume_training"));
  ASSERT_EQ(resumed.code, 0) << resumed.text;
  EXPECT_NE(resumed.text.find("last.prev.ckpt"), std::string::npos) << resumed.text;
  EXPECT_EQ(losses(at("torn")), losses(at("undisturbed2")));

  for (const char* const name : {"torn/checkpoints/last.ckpt", "torn/checkpoints/last.prev.ckpt"}) {
    fs::remove(at(name));
    write(at(name), "no checkpoint");
  }
  EXPECT_FAILS(nnunet_run(train("torn", more + "5 --resume_training")), "last.prev.ckpt");
}

TEST_F(Training, ALostProcessStopsTheOthers) {
  const std::string port = "MASTER_PORT=" + std::to_string(free_port());
  const std::string job = "env WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 " + port + " OMP_NUM_THREADS=1 ";
  const std::string arguments = program + train("lost", "--batch_size 1 --max_epochs 1000 --dist_timeout 10");
  Background other(job + "RANK=1 LOCAL_RANK=1 " + arguments), survivor(job + "RANK=0 LOCAL_RANK=0 " + arguments);
  ASSERT_TRUE(survivor.runs_until([&] { return save_of(at("lost")) != 0; })) << survivor.log();
  other.send(SIGKILL);
  EXPECT_FAILS(survivor.wait(), "another process stopped or does not answer", "--resume_training");
}

TEST_F(Training, AFolderBelongsToOneTraining) {
  Background first(program + train("shared", "--max_epochs 1000"));
  ASSERT_TRUE(first.runs_until([&] { return save_of(at("shared")) != 0; })) << first.log();
  EXPECT_FAILS(nnunet_run(train("shared", "--max_epochs 1")), "another training writes here");
}

TEST_F(Training, CasesThatCannotBeReadAreSkippedAndCounted) {
  const std::string copy = at("copy");
  fs::copy(at("prepared"), copy, fs::copy_options::recursive);
  std::vector<fs::path> images;
  for (const auto& entry : fs::directory_iterator(copy + "/99_3d"))
    if (entry.path().filename().string().ends_with("_x.npy")) images.push_back(entry.path());
  const auto run = [&](const std::string& results, const std::string& extra) {
    return nnunet_run("train --results " + at(results) +
                      " --task 99 --gpus 0 --filters 8 16 --depth 1 --max_epochs 1"
                      " --data " +
                      copy + extra);
  };
  fs::resize_file(images[0], fs::file_size(images[0]) / 2);
  const Outcome one = run("bad1", "");
  EXPECT_EQ(one.code, 0) << one.text;
  EXPECT_NE(one.text.find("Training goes on without this case"), std::string::npos) << one.text;
  EXPECT_FAILS(run("bad2", " --max_bad_cases 0"), "--max_bad_cases", "cannot be read");
}

TEST_F(Training, LossesThatAreNotFiniteNameCaseAndPlace) {
  const std::string copy = at("nan");
  fs::copy(at("prepared"), copy, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(copy + "/99_3d")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with("_x.npy")) continue;
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    const float nan = std::nanf("");
    for (auto at_byte = static_cast<std::streamoff>(fs::file_size(entry.path())) / 2 / 4 * 4;
         at_byte + 4 <= static_cast<std::streamoff>(fs::file_size(entry.path())); at_byte += 64) {
      file.seekp(at_byte);
      file.write(reinterpret_cast<const char*>(&nan), sizeof nan);
    }
  }
  const auto run = [&](const std::string& results, const std::string& extra) {
    return nnunet_run("train --results " + at(results) +
                      " --task 99 --gpus 0 --filters 8 16 --depth 1 --max_epochs 1"
                      " --train_batches 2 --test_batches 1 --data " +
                      copy + extra);
  };
  EXPECT_FAILS(run("nan1", ""), "not finite", "the image of case", "checkpoints of earlier steps are kept");
  const Outcome skipped = run("nan2", " --amp --precision bf16");  // mixed precision on any processor
  EXPECT_NE(skipped.text.find("the step was skipped"), std::string::npos) << skipped.text;
}

TEST_F(Training, AFullDiskLeavesEarlierCheckpoints) {
  ASSERT_EQ(nnunet_run(train("full", "--train_batches 1 --max_epochs 1")).code, 0);
  const std::string before = read(at("full/checkpoints/last.ckpt"));
  // A limit on the size of files stands for a full disk: writing fails in the same way.
  const Outcome full =
      shell("ulimit -f 64; " + program + train("full", "--train_batches 1 --max_epochs 2 --resume_training"));
  EXPECT_FAILS(full, "last.ckpt");
  EXPECT_EQ(read(at("full/checkpoints/last.ckpt")), before);
  EXPECT_EQ(nnunet_run(train("full", "--train_batches 1 --max_epochs 2 --resume_training")).code, 0);
}

TEST_F(Training, AFullFilesystemLosesNothing) {
  const std::string small = at("small");
  fs::create_directory(small);
  // Mounts end with their namespace, so all happens in one script.
  const std::string mount = "mount -t tmpfs -o size=16m tmpfs " + small;
  if (shell("unshare -rm " + mount).code != 0) GTEST_SKIP() << "a tmpfs cannot be mounted here (no user namespaces)";
  const std::string last = small + "/run/checkpoints/last.ckpt";
  const std::string resume = program + train("small/run", "--train_batches 1 --max_epochs 2 --resume_training");
  const std::string predict = program + "predict --gpus 0 --input " + at("data/Task99_Phantom/imagesTr") +
                              " --ckpt_path " + last + " --output " + small + "/maps";
  const Outcome o =
      shell("unshare -rm sh -c '" + mount + " && " + program + train("small/run", "--train_batches 1 --max_epochs 1") +
            " && cp " + last + " " + at("before") + "; cat /dev/zero > " + small + "/filler; " + resume +
            "; echo code of train $?; " + predict + "; echo code of predict $?; cmp " + last + " " + at("before") +
            " && rm " + small + "/filler && " + resume + " && ls " + small + "/maps'");
  EXPECT_EQ(o.code, 0) << o.text;
  for (const std::string part : {"No space left on device", "code of train 1", "code of predict 1", "last.ckpt"})
    EXPECT_NE(o.text.find(part), std::string::npos) << "no '" << part << "' in: " << o.text;
  EXPECT_EQ(o.text.find(".nii.gz\n"), std::string::npos) << "half a label map: " << o.text;
}

TEST_F(Training, ATrainingIsNotResumedAsAnother) {
  const std::string more = "--train_batches 1 ";
  ASSERT_EQ(nnunet_run(train("another", more + "--max_epochs 1")).code, 0);
  // Cases of the same names, other images and labels.
  ASSERT_EQ(nnunet_run("phantom --output " + at("data2") + " --cases 10 --test_cases 0 --seed 4").code, 0);
  fs::rename(at("data2/Task99_Phantom"), at("data2/Task98_Phantom"));
  const Outcome prepared = nnunet_run("preprocess --data " + at("data2") + " --results " + at("prepared2") +
                                      " --task 98 --dim 3 --patch_size 16 32 16");
  ASSERT_EQ(prepared.code, 0) << prepared.text;
  const std::string log = read(at("another/logs.json")), messages = read(at("another/train.log"));
  const std::string last = read(at("another/checkpoints/last.ckpt"));
  const std::string other = "train --data " + at("prepared2") + " --results " + at("another") +
                            " --task 98 --gpus 0 --filters 8 16 --depth 1 --test_batches 2 --learning_rate 0.003 " +
                            more + "--max_epochs 2 --resume_training";
  EXPECT_FAILS(nnunet_run(other), "it is of another training", "task: 99 before, 98 now", "with another content",
               "--force_resume");
  EXPECT_FAILS(nnunet_run(train("another", more + "--max_epochs 2 --resume_training --fold 1")),
               "fold: 0 before, 1 now", "validation cases are among what it was trained on");
  EXPECT_FAILS(nnunet_run(train("another", more + "--force_resume")), "--resume_training");
  EXPECT_EQ(read(at("another/logs.json")), log);
  EXPECT_EQ(read(at("another/train.log")), messages);
  EXPECT_EQ(read(at("another/checkpoints/last.ckpt")), last);
  EXPECT_FALSE(fs::exists(at("another/earlier-1")));

  const Outcome forced = nnunet_run(other + " --force_resume");
  EXPECT_EQ(forced.code, 0) << forced.text;
  EXPECT_NE(forced.text.find("forced: task: 99 before, 98 now"), std::string::npos) << forced.text;
  EXPECT_TRUE(fs::exists(at("another/earlier-1/checkpoints/best.ckpt")));
}

TEST_F(Training, TwoProcessesAreForcedAlike) {
  const std::string more = "--batch_size 1 --train_batches 2 --procs 2 ";
  ASSERT_EQ(nnunet_run(train("forced2", more + "--max_epochs 1")).code, 0);
  EXPECT_FAILS(nnunet_run(train("forced2", more + "--max_epochs 2 --resume_training --local_dice")),
               "local_dice: false before, true now");
  const Outcome forced =
      nnunet_run(train("forced2", more + "--max_epochs 2 --resume_training --local_dice --force_resume"));
  EXPECT_EQ(forced.code, 0) << forced.text;
  EXPECT_EQ(losses(at("forced2")).size(), 2U);
  EXPECT_TRUE(fs::exists(at("forced2/checkpoints/epoch=1.ckpt")));
}

TEST_F(Training, TwoProcessesValidateAsOne) {
  const std::string more = "--learning_rate 1e-12 --train_batches 1 --max_epochs 1 --test_batches 2 ";
  ASSERT_EQ(nnunet_run(train("alone", more + "--batch_size 2")).code, 0);
  ASSERT_EQ(nnunet_run(train("shared2", more + "--batch_size 1 --procs 2")).code, 0);
  const auto values = [](const std::string& results) {
    auto data = nlohmann::json::parse(read(results + "/logs.json").substr(5))["data"];
    for (const char* const rounding : {"train_loss", "val_loss_full", "data_wait_percent"}) data.erase(rounding);
    return data;
  };
  EXPECT_TRUE(values(at("alone")).contains("L1")) << values(at("alone"));
  EXPECT_EQ(values(at("alone")), values(at("shared2")));
}
