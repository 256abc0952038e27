#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <torch/script.h>

#include <fstream>
#include <sstream>

#include "exported.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "nnunet/io/npy.h"
#include "nnunet/torch_engine/torchscript.h"
#include "reference/shared.h"
#include "torch_bridge/python.h"

namespace nnunet {
namespace {

// Every exported network is within this of ours.
constexpr double kTolerance = 1e-4;

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

template <class T>
void write_tensor(const std::filesystem::path& path, const torch::Tensor& t) {
  Array<T> array(t.sizes().vec());
  std::copy_n(t.contiguous().const_data_ptr<T>(), t.numel(), array.values.begin());
  write_npy(path, array);
}

void write_case(const test::TempFolder& folder, const std::string& name, test::Exported& e, double tolerance) {
  write_tensor<float>(folder / (name + ".npy"), e.images);
  write_tensor<float>(folder / (name + ".logits.npy"), e.logits());
  write(folder / (name + ".tolerance"), std::to_string(tolerance));
}

/// Classes instead of logits; a voxel may differ only where two logits are as close as two programs' roundings.
void write_classes_case(const test::TempFolder& folder, const std::string& name, test::Exported& e) {
  const torch::Tensor logits = e.logits();
  const auto largest = std::get<0>(logits.topk(2, 1));
  write_tensor<float>(folder / (name + ".npy"), e.images);
  write_tensor<std::int64_t>(folder / (name + ".logits.npy"), logits.argmax(1));
  write_tensor<std::uint8_t>(folder / (name + ".close.npy"),
                             (largest.select(1, 0) - largest.select(1, 1) <= 2 * kTolerance).to(torch::kByte));
  write(folder / (name + ".tolerance"), "0");
}

/// compare.py's exit status.
int compare(const std::string& runtime, const test::TempFolder& folder) {
  const auto script = std::filesystem::path(NNUNET_TESTS_DIR) / "torch_engine/compare.py";
  const std::string command = "'" + test::python_with_torch() + "' -W ignore '" + script.string() + "' " + runtime +
                              " '" + folder.path().string() + "'";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#define EXPECT_SAME_IN(runtime, folder)                                                             \
  do {                                                                                              \
    const int status_ = compare(runtime, folder);                                                   \
    if (status_ == 77) {                                                                            \
      std::cerr << "SKIPPED: Python has no " << (runtime) << ", see scripts/setup.sh" << std::endl; \
      GTEST_SKIP() << "no " << (runtime);                                                           \
    }                                                                                               \
    EXPECT_EQ(status_, 0);                                                                          \
  } while (false)

TEST(ExportedOnnx, GivesTheSameInOtherRuntimes) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  for (const std::string& name : test::kNetworks) {
    test::Exported e(name);
    write(folder / (name + ".onnx"), to_onnx(e.checkpoint, {}));
    write_case(folder, name, e, kTolerance);
  }
  test::Exported e("hippocampus_2d");
  write(folder / "classes.onnx", to_onnx(e.checkpoint, {Precision::fp32, true}));
  write_classes_case(folder, "classes", e);
  for (const std::string runtime : {"openvino", "onnxruntime"}) EXPECT_SAME_IN(runtime, folder);
}

// Plain and residual, 2D and 3D, regions, several channels, a cascade's second stage.
TEST(ExportedModels, ThoseOfNnunetV2GiveTheSameInOtherRuntimes) {
  NNUNET_NEEDS_PYTHON();
  NNUNET_NEEDS_SHARED("reference-v2/run/models");
  const test::TempFolder folder;
  int models = 0;
  for (const auto& dataset : std::filesystem::directory_iterator(test::shared_dir() / "reference-v2/run/models"))
    for (const auto& model : std::filesystem::directory_iterator(dataset)) {
      test::Exported e(std::move(read_v2_model(model).folds.front().checkpoint));
      const std::string name = "model_" + std::to_string(models++);
      write(folder / (name + ".onnx"), to_onnx(e.checkpoint, {}));
      write(folder / (name + ".pt"), to_torchscript(e.checkpoint, {}));
      write_case(folder, name, e, kTolerance * std::max(1.0, e.logits().abs().max().item<double>()));
    }
  EXPECT_EQ(models, 9);
  for (const std::string runtime : {"onnxruntime", "openvino", "torch"}) EXPECT_SAME_IN(runtime, folder);
}

TEST(ExportedModels, RandomGraphsGiveTheSameInOtherRuntimes) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    test::Exported e(seed);
    const std::string name = "random_" + std::to_string(seed);
    write(folder / (name + ".onnx"), to_onnx(e.checkpoint, {}));
    write(folder / (name + ".pt"), to_torchscript(e.checkpoint, {}));
    write_case(folder, name, e, kTolerance);
  }
  for (const std::string runtime : {"onnxruntime", "openvino", "torch"}) EXPECT_SAME_IN(runtime, folder);
}

TEST(ExportedOnnx, LowerPrecisionIsClose) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  for (const std::string name : {"anisotropic_3d", "batch_norm_3d", "group_norm_2d"})
    for (const Precision precision : {Precision::fp16, Precision::bf16}) {
      test::Exported e(name);
      const std::string file = name + "_" + precision_name(precision);
      write(folder / (file + ".onnx"), to_onnx(e.checkpoint, {precision, false}));
      // 10 and 7 bits of mantissa, through two dozen layers.
      write_case(folder, file, e, (precision == Precision::fp16 ? 0.01 : 0.05) * e.logits().abs().max().item<double>());
    }
  EXPECT_SAME_IN("onnxruntime", folder);
}

TEST(ExportedTorchScript, GivesTheSameInPython) {
  NNUNET_NEEDS_PYTHON();
  const test::TempFolder folder;
  for (const std::string& name : test::kNetworks) {
    test::Exported e(name);
    write(folder / (name + ".pt"), to_torchscript(e.checkpoint, {}));
    write_case(folder, name, e, kTolerance);
  }
  test::Exported e("hippocampus_2d");
  write(folder / "classes.pt", to_torchscript(e.checkpoint, {Precision::fp32, true}));
  write_classes_case(folder, "classes", e);
  EXPECT_SAME_IN("torch", folder);
}

TEST(ExportedTorchScript, GivesTheSameInLibtorch) {
  const torch::NoGradGuard no_grad;
  for (const std::string& name : test::kNetworks) {
    SCOPED_TRACE(name);
    test::Exported e(name);
    std::istringstream bytes(to_torchscript(e.checkpoint, {}));
    torch::jit::Module module = torch::jit::load(bytes);
    EXPECT_LE((module.forward({e.images}).toTensor() - e.logits()).abs().max().item<double>(), kTolerance);
    std::vector<std::string> names, wanted;
    for (const auto& item : module.named_parameters()) names.push_back(item.name);
    for (const auto& item : e.network->named_parameters()) wanted.push_back(item.key());
    EXPECT_EQ(names, wanted);
  }
}

TEST(ExportedTorchScript, Bf16ComputesAsMixedPrecisionDoes) {
  const torch::NoGradGuard no_grad;
  for (const std::string name : {"batch_norm_3d", "group_norm_2d"}) {
    SCOPED_TRACE(name);
    test::Exported e(name);
    std::istringstream bytes(to_torchscript(e.checkpoint, {Precision::bf16, false}));
    const torch::Tensor found = torch::jit::load(bytes).forward({e.images}).toTensor();
    EXPECT_EQ(found.scalar_type(), torch::kFloat);
    const torch::Tensor exact = e.logits();
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    const torch::Tensor mixed = e.logits();
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    EXPECT_GT((found - exact).abs().max().item<double>(), 0);
    EXPECT_LE((found - mixed).abs().max().item<double>(), 0.01 * exact.abs().max().item<double>());
  }
}

TEST(Exported, MetadataSayWhatAUserMustKnow) {
  Checkpoint checkpoint;
  checkpoint.data.patch_size = {8, 16, 16};
  checkpoint.data.spacings = {2.5, 1, 1};
  checkpoint.data.labels = {"background", "liver"};
  checkpoint.data.modality = "CT";
  checkpoint.data.ct = CtStats{-17, 201, 99.5, 39.5};
  ModelMetadata metadata = model_metadata(checkpoint, {Precision::fp16, true});
  const auto value = [&](const std::string& key) {
    for (const auto& [name, text] : metadata)
      if (name == key) return text;
    return std::string("absent");
  };
  EXPECT_EQ(value("patch_size"), "[8,16,16]");
  EXPECT_EQ(value("spacing"), "[2.5,1.0,1.0]");
  EXPECT_EQ(value("labels"), "[\"background\",\"liver\"]");
  EXPECT_NE(value("normalisation").find("\"clip\":[-17.0,201.0]"), std::string::npos) << value("normalisation");
  EXPECT_EQ(value("precision"), "fp16");
  EXPECT_EQ(value("output"), "class indices");

  // Preprocessing clips wherever there are statistics, whatever the modality is called.
  const std::string clipped = value("normalisation");
  checkpoint.data.modality = "MRI";
  metadata = model_metadata(checkpoint, {});
  EXPECT_EQ(value("normalisation"), clipped);
  checkpoint.data.ct.reset();
  metadata = model_metadata(checkpoint, {});
  EXPECT_NE(value("normalisation").find("z-score"), std::string::npos) << value("normalisation");
}

TEST(Exported, RefusesWeightsOfAnotherNetwork) {
  Checkpoint checkpoint;
  checkpoint.plan = make_network_plan({16, 16}, {1, 1}, 1, 2, {});
  checkpoint.data.patch_size = {16, 16};
  checkpoint.data.spacings = {1, 1};
  checkpoint.data.n_class = 2;
  EXPECT_THROW(to_onnx(checkpoint, {}), Error);
  EXPECT_THROW(to_torchscript(checkpoint, {}), Error);
  const UNet network(checkpoint.plan);
  checkpoint.state_dict = state_dict(*network);
  EXPECT_NO_THROW(to_onnx(checkpoint, {}));
  checkpoint.data.patch_size = {16, 17};
  EXPECT_THROW(to_onnx(checkpoint, {}), Error);
}

}  // namespace
}  // namespace nnunet
