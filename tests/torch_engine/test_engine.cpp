#include <gtest/gtest.h>

#include "exported.h"
#include "infer/tiny.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "nnunet/core/precision.h"
#include "nnunet/infer/engine.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/torch_bridge/autocast.h"
#include "reference/shared.h"
#include "tensors.h"

namespace nnunet {
namespace {

bool is_built(const std::string& name) {
  const auto built = built_engines(&other_engines());
  return std::ranges::find(built, name) != built.end();
}

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat) - b.to(torch::kFloat)).abs().max().item<double>();
}

/// Engines for the CPU.
class CpuEngine : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (is_built(GetParam())) return;
    std::cerr << "SKIPPED: this build has no " << GetParam() << std::endl;
    GTEST_SKIP() << "this build has no " << GetParam();
  }
};

TEST_P(CpuEngine, GivesTheNetworksLogits) {
  // All six are in tests/torch_engine/test_model.cpp.
  for (const std::string name : {"anisotropic_3d", "batch_norm_3d", "group_norm_2d"}) {
    SCOPED_TRACE(name);
    test::Exported e(name);
    const auto engine = test::engine(e.checkpoint, GetParam());
    EXPECT_EQ(engine->description().substr(0, GetParam().size()), GetParam());
    EXPECT_NE(engine->description().find("fp32"), std::string::npos);
    const torch::Tensor wanted = e.logits(), found = engine_forward(*engine, e.images);
    EXPECT_LE(difference(found, wanted), 1e-4);
    const torch::Tensor again = engine_forward(*engine, e.images.slice(0, 1));  // another batch; the first result stays
    EXPECT_LE(difference(again, wanted.slice(0, 1)), 1e-4);
    EXPECT_LE(difference(found, wanted), 1e-4);
  }
}

TEST_P(CpuEngine, SegmentsAsLibtorchDoes) {
  for (const int dim : {2, 3}) {
    const DataConfig config = test::tiny_config(dim, 2);
    const std::vector<Checkpoint> folds{test::tiny_checkpoint(config, 1), test::tiny_checkpoint(config, 2)};
    const auto x = torch::sin(torch::arange(2 * 11 * 25 * 18).to(torch::kFloat)).view({2, 11, 25, 18});
    PredictorOptions options;
    options.batch_size = 3;  // the last batch is smaller
    options.others = &other_engines();
    const auto wanted = test::logits(Predictor(folds, options, kCpu, Precision::fp32), x);
    options.engine = GetParam();
    EXPECT_LE(difference(test::logits(Predictor(folds, options, kCpu, Precision::fp32), x), wanted), 1e-5);
  }
}

// All kinds of networks; labels may differ where two classes are as close as two programs' roundings.
TEST_P(CpuEngine, SegmentsWithModelsOfNnunetV2) {
  NNUNET_NEEDS_SHARED("reference-v2/run/models");
  const auto models = test::shared_dir() / "reference-v2/run/models";
  for (const auto& dataset : std::filesystem::directory_iterator(models))
    for (const auto& folder : std::filesystem::directory_iterator(dataset)) {
      SCOPED_TRACE(folder.path().string());
      V2Model model = read_v2_model(folder);
      if (model.plan.previous_stage) continue;  // its image is half a label map
      const std::vector<Checkpoint> network{std::move(model.folds.front().checkpoint)};
      const Image image = test::tiny_image({24, 40, 36}, model.plan.channels(), {1, 1, 1});
      PredictorOptions options;
      options.others = &other_engines();
      options.engine = GetParam() == "native" ? "libtorch" : "native";
      const auto wanted = Predictor(network, options, kCpu, Precision::fp32).segment("a", image).voxels.values;
      options.engine = GetParam();
      const auto found = Predictor(network, options, kCpu, Precision::fp32).segment("a", image).voxels.values;
      ASSERT_EQ(found.size(), wanted.size());
      std::size_t differ = 0;
      for (std::size_t i = 0; i < found.size(); ++i) differ += found[i] != wanted[i] ? 1 : 0;
      const double fraction = static_cast<double>(differ) / static_cast<double>(found.size());
      RecordProperty(folder.path().filename().string(), std::to_string(fraction));
      EXPECT_LE(fraction, 1e-3);  // as between nnU-Net's own devices (reference-v2/run/README.md, nearly random models)
    }
}

TEST_P(CpuEngine, RefusesOtherShapes) {
  const auto engine = test::engine(test::tiny_checkpoint(test::tiny_config(2)), GetParam());
  EXPECT_THROW(engine_forward(*engine, torch::zeros({1, 2, 16, 16})), Error);
  EXPECT_THROW(engine_forward(*engine, torch::zeros({1, 1, 16, 17})), Error);
  EXPECT_THROW(engine_forward(*engine, torch::zeros({1, 1, 8, 16, 16})), Error);
  EXPECT_EQ(engine_forward(*engine, torch::zeros({2, 1, 16, 16})).size(0), 2);
}

INSTANTIATE_TEST_SUITE_P(All, CpuEngine, testing::Values("native", "libtorch", "openvino", "onnxruntime"),
                         [](const auto& parameter) { return parameter.param; });

// Weights are narrowed once instead of in each forward: to the last bit the same.
TEST(TorchEngine, MixedPrecisionIsAutocasts) {
  for (const int dim : {2, 3}) {
    const Checkpoint checkpoint = test::tiny_checkpoint(test::tiny_config(dim));
    UNet network(checkpoint.plan);
    load_state_dict(*network, checkpoint.state_dict, "x");
    network->place(torch::kCPU);
    network->eval();
    const auto x =
        torch::sin(torch::arange(2 * 8 * 16 * 16).to(torch::kFloat))
            .view(dim == 3 ? std::vector<std::int64_t>{2, 1, 8, 16, 16} : std::vector<std::int64_t>{16, 1, 16, 16});
    const torch::NoGradGuard no_grad;
    const auto engine = test::engine(checkpoint, "libtorch", Precision::bf16);
    const torch::Tensor found = engine_forward(*engine, x);
    const AutocastScope autocast(Precision::bf16, torch::kCPU);
    EXPECT_TRUE(torch::equal(found, network->forward(x)));
  }
}

// On a GPU as well: what nnU-Net v2 adds up in float16, or mirrors window by window, is added up in this machine's
// memory.
TEST(TorchEngine, SumsOfNnunetV2AreThisMachines) {
  SlidingWindowPlan plan;
  plan.patch = {8, 16, 16};
  const Device gpu{0};
  EXPECT_TRUE(sums_on_device(gpu, plan));
  EXPECT_FALSE(sums_on_device(kCpu, plan));
  SlidingWindowPlan halves = plan;
  halves.sums = SumType::fp16;
  EXPECT_FALSE(sums_on_device(gpu, halves));
  SlidingWindowPlan mirrored = plan;
  mirrored.mirror = true;
  EXPECT_TRUE(sums_on_device(gpu, mirrored));  // of the whole volume
  mirrored.mirrored_unit = MirroredUnit::window;
  EXPECT_FALSE(sums_on_device(gpu, mirrored));
  mirrored.mirror = false;
  EXPECT_TRUE(sums_on_device(gpu, mirrored));
}

TEST(OpenVinoEngine, ComputesInBf16) {
  if (!is_built("openvino")) GTEST_SKIP() << "this build has no openvino";
  const Checkpoint checkpoint = test::tiny_checkpoint(test::tiny_config(3));
  const auto x = torch::sin(torch::arange(8 * 16 * 16).to(torch::kFloat)).view({1, 1, 8, 16, 16});
  const auto exact = engine_forward(*test::engine(checkpoint, "openvino"), x);
  const auto low = engine_forward(*test::engine(checkpoint, "openvino", Precision::bf16), x);
  EXPECT_LE(difference(low, exact), 0.1 * exact.abs().max().item<double>());
}

TEST(Engines, RefusesWhatIsNotThere) {
  const Checkpoint checkpoint = test::tiny_checkpoint(test::tiny_config(2));
  EXPECT_THROW(test::engine(checkpoint, "abacus"), Error);
  for (const std::string& name : engine_names()) {
    if (name == "auto" || is_built(name)) continue;
    EXPECT_THROW(test::engine(checkpoint, name), Error) << name;
  }
  if (is_built("openvino")) {
    EXPECT_THROW(test::engine(checkpoint, "openvino", Precision::fp16), Error);
  }
  EXPECT_THROW(choose_engine_device("openvino", 1, &other_engines()), Error);
  EXPECT_THROW(choose_engine_device("tensorrt", 0, &other_engines()), Error);
  EXPECT_EQ(choose_engine_device("openvino", -1, &other_engines()), kCpu);
  EXPECT_THROW(make_engine(checkpoint, {"libtorch", Precision::fp32, kCpu}), Error);  // of a program without it
}

}  // namespace
}  // namespace nnunet
