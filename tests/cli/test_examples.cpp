// The examples of the commands' help, one after another in a folder, each as it stands there; longer ones with fewer
// steps and a smaller network.
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "options/all_commands.h"
#include "program.h"
#include "server.h"

using namespace nnunet::test;

namespace {

const std::string small_network = " --filters 8 16 --depth 1 --gpus 0";

std::string shortened(const nnunet::app::Command& command, const std::string& line, const std::string& server) {
  const std::map<std::string, std::string> less{
      {"train", " --max_epochs 1 --train_batches 2 --test_batches 1 --num_workers 1" + small_network},
      {"evaluate", " --test_batches 1 --gpus 0"},
      {"predict", " --test_batches 1 --gpus 0"},
      {"client", " --url " + server},
      {"benchmark", " --train_batches 2 --test_batches 2 --warmup 1 --results measured" + small_network}};
  const auto found = less.find(command.name);
  std::string all = line + (found == less.end() ? "" : found->second);
  if (line.find("--mode serve") != std::string::npos)
    all += " --requests 2 --batch_sizes 1 --concurrency 1 --url " + server;
  return all;
}

class Examples : public testing::Test {
 protected:
  Outcome run(const std::string& line) const {
    return shell("cd " + folder_.path().string() + " && " NNUNET_BINARY_DIR "/bin/" + line);
  }
  fs::path at(const std::string& name) const { return folder_ / name; }

  /// What the examples take for granted, from the phantom that one of them makes.
  void add_named_folders() const {
    const fs::path phantom = at("data/Task99_Phantom");
    for (const char* const copy : {"data/Task04_Hippocampus", "MyDataset"})
      fs::copy(phantom, at(copy), fs::copy_options::recursive);
    fs::copy(phantom / "imagesTs", at("images"));
    fs::copy(phantom / "labelsTs", at("labels"));
    fs::copy(phantom / "imagesTr", at("imagesTr"));
    fs::copy(phantom / "labelsTr", at("labelsTr"));
  }

 private:
  TempFolder folder_;
};

TEST_F(Examples, RunAsTheyStand) {
  std::optional<Server> server;
  std::string address;
  for (const auto& command : nnunet::app::all_commands())
    for (const auto& example : command.examples) {
      if (!example.not_run.empty()) {
        std::cout << example.line << ": only parsed, as " << example.not_run << '\n';
        continue;
      }
      if (command.name == "serve") {
        const std::string model = example.line.substr(example.line.find("=") + 1);
        server.emplace("--gpus 0 --model heart=" + at(model).string());
        ASSERT_NE(server->port(), 0) << server->log();
        address = "http://127.0.0.1:" + std::to_string(server->port());
        continue;
      }
      const std::string line = shortened(command, example.line, address);
      const Outcome outcome = run(line);
      ASSERT_EQ(outcome.code, 0) << line << '\n' << outcome.text;
      if (command.name == "phantom") add_named_folders();
    }
  EXPECT_EQ(server->stop(), 0);
  for (const char* const made : {"data/04_3d/config.json", "data/50_3d/config.json", "results/checkpoints/best.ckpt",
                                 "results/eval_log.json", "label_maps", "scores.json", "exported/model.onnx",
                                 "model_repository", "served", "dice.csv", "load.csv", "measured/perf.json"})
    EXPECT_TRUE(fs::exists(at(made))) << made;
}

}  // namespace
