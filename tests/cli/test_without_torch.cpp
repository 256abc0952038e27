#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "infer/tiny.h"
#include "reference/shared.h"

// What `nnunet` does without libtorch in its process, in every build.
namespace nnunet {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string output;
};

Outcome run_command(const std::string& command) {
  Outcome result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) result.output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

const std::string kProgram = NNUNET_BINARY_DIR "/bin/nnunet";

class WithoutTorch : public testing::Test {
 protected:
  void SetUp() override {
    test::save_tiny(checkpoint_, test::tiny_config(3));
    fs::create_directory(images_);
    for (const char* name : {"a", "b"})
      write_image(images_ / (std::string(name) + ".nii.gz"), test::tiny_image({12, 20, 22}));
  }
  Outcome nnunet(const std::string& arguments) const { return run_command("'" + kProgram + "' " + arguments); }

  test::TempFolder folder_;
  fs::path checkpoint_ = folder_ / "tiny.ckpt", images_ = folder_ / "images";
};

TEST_F(WithoutTorch, NoLibtorchIsLoaded) {
  const Outcome libraries = run_command("ldd '" + kProgram + "'");
  ASSERT_EQ(libraries.code, 0);
  EXPECT_NE(libraries.output.find("libnnunet_infer"), std::string::npos);
  for (const char* name : {"torch", "libc10", "openvino", "onnxruntime", "icudata"})
    EXPECT_EQ(libraries.output.find(name), std::string::npos) << name;
}

TEST_F(WithoutTorch, PredictsScoresDescribesAndExports) {
  const std::string labels = (folder_ / "labels").string(), network = checkpoint_.string();
  const Outcome predicted = nnunet("predict --ckpt_path " + network + " --input " + images_.string() + " --output " +
                                   labels + " --save_probabilities");
  EXPECT_EQ(predicted.code, 0) << predicted.output;
  EXPECT_NE(predicted.output.find("2 images segmented"), std::string::npos) << predicted.output;
  EXPECT_TRUE(fs::exists(labels + "/a.nii.gz"));
  EXPECT_TRUE(fs::exists(labels + "/probabilities/b.npy"));

  const Outcome scored = nnunet("score --preds " + labels + " --lbls " + labels);
  EXPECT_EQ(scored.code, 0) << scored.output;
  EXPECT_NE(scored.output.find("mean dice: 1.0000"), std::string::npos) << scored.output;

  const Outcome described = nnunet("info --json " + network);
  ASSERT_EQ(described.code, 0) << described.output;
  const auto json = nlohmann::json::parse(described.output);
  EXPECT_EQ(json.at("kind"), "checkpoint");
  EXPECT_EQ(json.at("network").at("tensors"), test::tiny_checkpoint(test::tiny_config(3)).state_dict.size());

  const Outcome exported =
      nnunet("export --ckpt_path " + network + " --format onnx --output " + (folder_ / "onnx").string());
  EXPECT_EQ(exported.code, 0) << exported.output;
  EXPECT_GT(fs::file_size(folder_ / "onnx/model.onnx"), 1000U);
}

#ifndef NNUNET_TORCH
TEST_F(WithoutTorch, SaysWhatItWasBuiltWithout) {
  const std::string network = " --ckpt_path " + checkpoint_.string();
  const std::vector<std::string> asked{"train --data x", "export --format triton --output x" + network,
                                       "predict --engine libtorch --output x --input " + images_.string() + network};
  for (const std::string& arguments : asked) {
    const Outcome refused = nnunet(arguments);
    EXPECT_EQ(refused.code, 1) << arguments;
    EXPECT_NE(refused.output.find("built without"), std::string::npos) << refused.output;
  }
}
#endif

}  // namespace
}  // namespace nnunet
