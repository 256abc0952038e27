#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "nnunet/core/error.h"
#include "nnunet/export/export.h"
#include "nnunet/network/unet.h"
#include "nnunet/torch_engine/torchscript.h"
#include "torch_bridge/python.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Checkpoint small_checkpoint(int dim) {
  Checkpoint checkpoint;
  checkpoint.data.patch_size = dim == 3 ? std::vector<std::int64_t>{8, 16, 16} : std::vector<std::int64_t>{16, 24};
  checkpoint.data.spacings = {2, 1, 1};
  checkpoint.data.in_channels = 2;
  checkpoint.data.n_class = 3;
  checkpoint.data.labels = {"background", "\"quoted\" \\ Größe"};
  checkpoint.data.task = "07";
  NetworkOptions network;
  network.filters = {4, 6};
  network.depth = 1;
  checkpoint.plan = make_network_plan(checkpoint.data.patch_size, checkpoint.data.spacings, 2, 3, network);
  checkpoint.state_dict = state_dict(*UNet(checkpoint.plan));
  return checkpoint;
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// parse_triton.py's configurations by their names; its exit status.
int parse(const fs::path& repository, std::map<std::string, Json>& configs) {
  const test::TempFolder folder;
  const auto script = fs::path(NNUNET_TESTS_DIR) / "torch_engine/parse_triton.py";
  const std::string command = "'" + test::python_with_torch() + "' '" + script.string() + "' '" + repository.string() +
                              "' > '" + (folder / "configs").string() + "'";
  const int status = std::system(command.c_str());
  std::ifstream lines(folder / "configs");
  for (std::string line; std::getline(lines, line);) {
    const Json config = Json::parse(line);
    configs[config["name"]] = config;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

ExportOptions triton(const fs::path& output) {
  ExportOptions options;
  options.format = "triton";
  options.output = output;
  return options;
}

#define NNUNET_NEEDS_TRITONCLIENT(status)                                                        \
  if ((status) == 77) {                                                                          \
    std::cerr << "SKIPPED: Python has no tritonclient[grpc], see scripts/setup.sh" << std::endl; \
    GTEST_SKIP() << "no tritonclient";                                                           \
  }

TEST(TritonRepository, ParsesWithTritonclientsSchema) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  ExportOptions options = triton(folder.path());
  options.triton.max_batch = 8;
  options.triton.preferred_batch_sizes = {2, 8};
  options.triton.max_queue_delay_us = 250;
  options.triton.instances = 2;
  options.triton.model_version = 3;
  options.triton.capture_cuda_graph = true;
  const Checkpoint checkpoint = small_checkpoint(3);
  export_model(checkpoint, options, to_torchscript);

  std::map<std::string, Json> configs;
  const int status = parse(folder.path(), configs);
  NNUNET_NEEDS_TRITONCLIENT(status);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(configs.size(), 3U);
  for (const auto& [name, platform, file] : {std::tuple{"nnunet_07_3d_onnx", "onnxruntime_onnx", "model.onnx"},
                                             std::tuple{"nnunet_07_3d_torchscript", "pytorch_libtorch", "model.pt"},
                                             std::tuple{"nnunet_07_3d_tensorrt", "tensorrt_plan", "model.plan"}}) {
    SCOPED_TRACE(name);
    const Json& c = configs.at(name);
    EXPECT_EQ(c["platform"], platform);
    EXPECT_EQ(c["default_model_filename"], file);
    EXPECT_EQ(c["max_batch_size"], 8);
    const Json tensor =
        Json::parse(R"({"name": "INPUT__0", "data_type": "TYPE_FP32", "dims": ["2", "8", "16", "16"]})");
    EXPECT_EQ(c["input"], Json::array({tensor}));
    const Json logits =
        Json::parse(R"({"name": "OUTPUT__0", "data_type": "TYPE_FP32", "dims": ["3", "8", "16", "16"]})");
    EXPECT_EQ(c["output"], Json::array({logits}));
    EXPECT_EQ(c["dynamic_batching"]["preferred_batch_size"], (Json::array({2, 8})));
    EXPECT_EQ(c["dynamic_batching"]["max_queue_delay_microseconds"], "250");
    EXPECT_EQ(c["instance_group"][0]["count"], 2);
    EXPECT_EQ(c["version_policy"]["latest"]["num_versions"], 1);
    EXPECT_EQ(c["model_warmup"].size(), 2U);
    EXPECT_EQ(Json::parse(c["parameters"]["labels"]["string_value"].get<std::string>()), checkpoint.data.labels);
    EXPECT_EQ(c["parameters"]["patch_size"]["string_value"], "[8,16,16]");
  }
  EXPECT_EQ(configs.at("nnunet_07_3d_tensorrt")["instance_group"][0]["kind"], "KIND_GPU");
  EXPECT_EQ(configs.at("nnunet_07_3d_tensorrt")["optimization"]["cuda"]["graphs"], true);
  EXPECT_EQ(read(folder / "nnunet_07_3d_onnx/3/model.onnx"), to_onnx(checkpoint, {}));
  EXPECT_TRUE(fs::exists(folder / "nnunet_07_3d_torchscript/3/model.pt"));
}

TEST(TritonRepository, ClassesInTwoDimensionsWithoutDynamicBatching) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  ExportOptions options = triton(folder.path());
  options.model = {Precision::fp16, true};
  options.triton.model_name = "liver";
  options.triton.max_queue_delay_us = 0;
  export_model(small_checkpoint(2), options, to_torchscript);
  std::map<std::string, Json> configs;
  const int status = parse(folder.path(), configs);
  NNUNET_NEEDS_TRITONCLIENT(status);
  ASSERT_EQ(status, 0);
  const Json& c = configs.at("liver_onnx");
  EXPECT_EQ(c["max_batch_size"], 64);
  EXPECT_FALSE(c.contains("dynamic_batching"));
  EXPECT_EQ(c["output"][0]["data_type"], "TYPE_INT64");
  EXPECT_EQ(c["output"][0]["dims"], (Json::array({"16", "24"})));
}

// trtexec is not there: a stand-in says what it is called with.
TEST(TritonRepository, TensorRtRecipeCallsTrtexec) {
  const test::TempFolder folder;
  ExportOptions options = triton(folder / "repository");
  options.model.precision = Precision::fp16;
  export_model(small_checkpoint(3), options, to_torchscript);
  const fs::path trtexec = folder / "trtexec";
  std::ofstream(trtexec) << "#!/bin/sh\nprintf '%s\\n' \"$@\" > '" << (folder / "arguments").string()
                         << "'\nfor a in \"$@\"; do case $a in --saveEngine=*) echo plan > \"${a#*=}\";; esac; done\n";
  fs::permissions(trtexec, fs::perms::owner_all);
  const std::string script = (folder / "repository/build_nnunet_07_3d_tensorrt.sh").string();
  ASSERT_EQ(std::system(("TRTEXEC='" + trtexec.string() + "' '" + script + "' --verbose > /dev/null").c_str()), 0);
  const std::string arguments = read(folder / "arguments");
  for (const char* part :
       {"--onnx=nnunet_07_3d_onnx/1/model.onnx\n", "--minShapes=INPUT__0:1x2x8x16x16\n",
        "--optShapes=INPUT__0:4x2x8x16x16\n", "--maxShapes=INPUT__0:4x2x8x16x16\n", "--stronglyTyped\n", "--verbose\n"})
    EXPECT_NE(arguments.find(part), std::string::npos) << part << " in " << arguments;
  EXPECT_EQ(read(folder / "repository/nnunet_07_3d_tensorrt/1/model.plan"), "plan\n");
  EXPECT_EQ(read(folder / "repository/nnunet_07_3d_tensorrt/config.pbtxt"),
            read(folder / "repository/nnunet_07_3d_tensorrt.pbtxt"));
}

TEST(TritonRepository, RefusesBadOptions) {
  const test::TempFolder folder;
  const Checkpoint checkpoint = small_checkpoint(2);
  const auto refuses = [&](const std::function<void(TritonOptions&)>& change) {
    ExportOptions options = triton(folder.path());
    change(options.triton);
    EXPECT_THROW(export_model(checkpoint, options, to_torchscript), Error);
  };
  refuses([](auto& o) { o.model_name = "../outside"; });
  refuses([](auto& o) { o.model_name = ".hidden"; });
  refuses([](auto& o) { o.model_version = 0; });
  refuses([](auto& o) { o.max_batch = -1; });
  refuses([](auto& o) { o.instances = 0; });
  refuses([](auto& o) { o.max_queue_delay_us = -1; });
  refuses([](auto& o) { o.preferred_batch_sizes = {65}; });
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace nnunet
