#include "nnunet/checkpoint/v2_checkpoint.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "checkpoint/byte_source.h"
#include "checkpoint/pickle_objects.h"
#include "checkpoint/pickle_reader.h"
#include "checkpoint/zip_reader.h"
#include "io/expect_error.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/checkpoint/weights.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempFolder;

constexpr const char* kModels = "reference-v2/run/models";

fs::path reference(const std::string& name) {
  return test::shared_dir() / kModels / name / "checkpoint_final.pth";
}

std::string pickle_of(const fs::path& file) {
  const ZipReader zip(open_bytes(file));
  for (const std::string& name : zip.names())
    if (name.ends_with("/data.pkl")) return zip.read_text(name, std::size_t{1} << 30);
  return "";
}

/// Everything that a pickle says, as text: kinds, numbers, keys in their order, which tensors share their numbers.
std::string dump(const pickle::Node& node) {
  using pickle::Kind;
  std::string text = fmt::format("{}", static_cast<int>(node.kind));
  if (node.kind == Kind::integer || node.kind == Kind::boolean) text += fmt::format(" {}", node.integer);
  if (node.kind == Kind::real) text += fmt::format(" {}", node.real);
  if (node.kind == Kind::text || node.kind == Kind::tensor) text += fmt::format(" {}", node.text);
  if (node.kind == Kind::tensor)
    for (std::size_t i = 0; i < node.tensor.sizes.size(); ++i)
      text += fmt::format(" {}/{}", node.tensor.sizes[i], node.tensor.strides[i]);
  for (const pickle::Node* item : node.items) text += fmt::format("({})", dump(*item));
  return text;
}

std::string dump_of(const fs::path& file) {
  pickle::Arena arena;
  return dump(*pickle::read_objects(pickle_of(file), file.string(), arena));
}

bool same_bytes(const HostTensor& a, const HostTensor& b) {
  const HostTensor x = a.contiguous(), y = b.contiguous();
  return x.sizes == y.sizes && x.dtype == y.dtype &&
         std::memcmp(x.data(), y.data(), static_cast<std::size_t>(x.nbytes())) == 0;
}

void expect_same_tensors(const V2Checkpoint& a, const V2Checkpoint& b) {
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_EQ(a.weights[i].first, b.weights[i].first);
    EXPECT_TRUE(same_bytes(a.weights[i].second, b.weights[i].second)) << a.weights[i].first;
  }
  ASSERT_EQ(a.optimizer.state.size(), b.optimizer.state.size());
  for (std::size_t i = 0; i < a.optimizer.state.size(); ++i) {
    EXPECT_EQ(a.optimizer.state[i].first, b.optimizer.state[i].first);
    EXPECT_TRUE(same_bytes(a.optimizer.state[i].second.front().second, b.optimizer.state[i].second.front().second));
  }
}

NetworkPlan plan_of(const fs::path& file) {
  return *read_v2_model_plan(file).model.network;
}

/// What nnU-Net wrote is written again: the same keys, types, order and numbers, and the same tensors under several
/// names.
TEST(V2Checkpoint, IsWrittenAsNnunetWritesIt) {
  NNUNET_NEEDS_SHARED(kModels);
  const TempFolder folder;
  for (const std::string name :
       {"Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres/fold_0",
        "Dataset004_Hippocampus/nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_fullres_resenc/fold_0",
        "Dataset021_BodyCT/nnUNetTrainerNoMirroring__nnUNetPlansNarrow__3d_fullres/fold_all"}) {
    const fs::path file = reference(name), copy = folder / "copy.pth";
    const NetworkPlan plan = plan_of(file);
    const V2Checkpoint theirs = load_v2_checkpoint(file, plan);
    save_v2_checkpoint(copy, plan, theirs);
    EXPECT_EQ(dump_of(copy), dump_of(file)) << name;
    expect_same_tensors(load_v2_checkpoint(copy, plan), theirs);
    EXPECT_TRUE(theirs.own.is_none());
  }
}

TEST(V2Checkpoint, HoldsWhatNnunetLogged) {
  NNUNET_NEEDS_SHARED(kModels);
  const fs::path file = reference("Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres/fold_0");
  const V2Checkpoint c = load_v2_checkpoint(file, plan_of(file));
  EXPECT_EQ(c.epochs_done, 5);
  EXPECT_EQ(c.logging.epochs(), 5U);
  EXPECT_NEAR(c.logging.train_losses[0], 0.5204, 5e-5);
  EXPECT_NEAR(c.logging.dice_per_class_or_region[3][1], 0.5978, 5e-5);
  EXPECT_DOUBLE_EQ(c.logging.lrs[1], 0.008180521460508584);
  EXPECT_EQ(*c.best_ema, c.logging.ema_fg_dice[4]);
  EXPECT_EQ(c.optimizer.parameters, 68);
  EXPECT_EQ(c.optimizer.state.size(), 66U);  // the head of the lowest resolution never had a gradient
  EXPECT_EQ(c.optimizer.number("momentum"), 0.99);
  EXPECT_FALSE(c.optimizer.number("no such option"));
  EXPECT_FALSE(c.scaler);
  EXPECT_EQ(c.fold, "0");
  EXPECT_EQ(c.device, "cpu");
  EXPECT_EQ(c.trainer, "nnUNetTrainer_5epochs");
  EXPECT_EQ(c.mirror_axes, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(c.plans.at("plans_name"), "nnUNetPlansNarrow");
}

/// A small network and numbers that are made up.
struct Made {
  NetworkPlan plan;
  V2Checkpoint checkpoint;

  Made() {
    plan.naming = Naming::nnunet_v2;
    plan.dim = 2;
    plan.n_class = 3;
    plan.kernels = plan.strides = {{3, 3}, {3, 3}};
    plan.strides = {{1, 1}, {2, 2}};
    plan.filters = {2, 4};
    plan.encoder_blocks = {1, 1};
    plan.decoder_blocks = {1};
    plan.conv_bias = plan.deep_supervision = true;
    plan.shortcut = Shortcut::pooling;
    plan.decoder_kernel = DecoderKernel::own;
    float next = 1;
    for (const auto& [name, shape] : state_entries(plan)) {
      std::vector<float> numbers;
      for (std::int64_t i = 0; i < Array<float>::count(shape); ++i) numbers.push_back(next++);
      checkpoint.weights.emplace_back(name, HostTensor(shape, numbers));
    }
    checkpoint.optimizer.options = {{"lr", 0.005}, {"betas", PythonValue::Tuple{{0.9, 0.999}}}, {"fused", {}}};
    checkpoint.optimizer.parameters = static_cast<std::int64_t>(checkpoint.weights.size());
    checkpoint.optimizer.state = {{1, {{"step", HostTensor({}, std::vector<float>{7})}}}};
    checkpoint.scaler = V2GradScaler{1024, 17};
    V2Logging& log = checkpoint.logging;
    log.mean_fg_dice = log.ema_fg_dice = {0.25F, 0.5F};
    log.dice_per_class_or_region = {{0.25F, std::numeric_limits<float>::quiet_NaN()}, {0.5F, 0.5F}};
    log.train_losses = log.val_losses = {1.5F, -0.25F};
    log.lrs = log.epoch_start_timestamps = log.epoch_end_timestamps = {1.0, 2.5};
    checkpoint.epochs_done = 2;
    checkpoint.plans = {{"plans_name", "p"}, {"numbers", {1, 2.5, nullptr, true}}};
    checkpoint.dataset = {{"labels", {{"background", 0}}}};
    checkpoint.configuration = "2d";
    checkpoint.fold = "all";
    checkpoint.device = "cuda";
    checkpoint.trainer = "nnUNetTrainer";
    checkpoint.own = Value::Dict{{"seed", "12"}, {"progress", Value::Dict{{"step", 3}}}};
  }
};

TEST(V2Checkpoint, ComesBackAsItWas) {
  const Made made;
  const TempFolder folder;
  save_v2_checkpoint(folder / "c.pth", made.plan, made.checkpoint);
  const V2Checkpoint c = load_v2_checkpoint(folder / "c.pth", made.plan);
  expect_same_tensors(c, made.checkpoint);
  EXPECT_EQ(c.optimizer.number("lr"), 0.005);
  EXPECT_TRUE(std::holds_alternative<PythonValue::Tuple>(c.optimizer.options[1].second.data));
  ASSERT_TRUE(c.scaler);
  EXPECT_EQ(c.scaler->scale, 1024);
  EXPECT_EQ(c.scaler->growth_tracker, 17);
  EXPECT_TRUE(std::isnan(c.logging.dice_per_class_or_region[0][1]));
  EXPECT_EQ(c.logging.train_losses, made.checkpoint.logging.train_losses);
  EXPECT_EQ(c.logging.epoch_end_timestamps, made.checkpoint.logging.epoch_end_timestamps);
  EXPECT_FALSE(c.best_ema);
  EXPECT_EQ(c.plans, made.checkpoint.plans);
  EXPECT_EQ(c.dataset, made.checkpoint.dataset);
  EXPECT_EQ(c.fold, "all");
  EXPECT_EQ(c.device, "cuda");
  EXPECT_TRUE(c.mirror_axes.empty());
  EXPECT_EQ(c.own.find("progress")->find("step")->as_int("step"), 3);
  EXPECT_EQ(c.own.find("seed")->as_string("seed"), "12");
}

TEST(V2Checkpoint, NumbersLieInTheFileOnce) {
  const Made made;
  const TempFolder folder;
  save_v2_checkpoint(folder / "c.pth", made.plan, made.checkpoint);
  std::size_t tensors = 0;
  const ZipReader zip(open_bytes(folder / "c.pth"));
  for (const std::string& name : zip.names()) tensors += name.find("/data/") != std::string::npos ? 1 : 0;
  EXPECT_EQ(tensors, made.checkpoint.weights.size() + 1);  // and one of the optimizer
  EXPECT_GT(v2_state_names(made.plan).size(), 2 * made.checkpoint.weights.size());
}

TEST(V2Checkpoint, PretrainedWeightsLeaveHeadsOut) {
  const Made made;
  const TempFolder folder;
  save_v2_checkpoint(folder / "c.pth", made.plan, made.checkpoint);
  NetworkPlan other = made.plan;
  other.n_class = 7;
  const StateDict weights = load_v2_pretrained_weights(folder / "c.pth", other);
  EXPECT_EQ(weights.size(), made.checkpoint.weights.size() - 2);
  for (const auto& [name, tensor] : weights) EXPECT_EQ(name.find(".seg_layers."), std::string::npos) << name;
  EXPECT_TRUE(same_bytes(weights.front().second, made.checkpoint.weights.front().second));

  other.filters = {2, 6};
  const std::string error = error_of([&] { (void)load_v2_pretrained_weights(folder / "c.pth", other); });
  EXPECT_NE(error.find("c.pth"), std::string::npos) << error;
  EXPECT_NE(error.find("the network of the plans needs"), std::string::npos) << error;
}

TEST(V2Checkpoint, SaysWhatDoesNotFit) {
  Made made;
  const TempFolder folder;
  const auto loading = [&](const NetworkPlan& plan) {
    return error_of([&] { (void)load_v2_checkpoint(folder / "c.pth", plan); });
  };
  save_v2_checkpoint(folder / "c.pth", made.plan, made.checkpoint);
  NetworkPlan other = made.plan;
  other.n_class = 7;
  EXPECT_NE(loading(other).find("decoder.seg_layers"), std::string::npos) << loading(other);

  made.checkpoint.epochs_done = 3;
  save_v2_checkpoint(folder / "c.pth", made.plan, made.checkpoint);
  EXPECT_NE(loading(made.plan).find("hold 2 epochs, 3 are done"), std::string::npos) << loading(made.plan);

  save_torch_file(folder / "c.pth", Value::Dict{{"epoch", 3}});
  EXPECT_NE(loading(made.plan).find("lacks \"network_weights\""), std::string::npos) << loading(made.plan);

  made.checkpoint.weights.pop_back();
  EXPECT_NE(error_of([&] { save_v2_checkpoint(folder / "d.pth", made.plan, made.checkpoint); }), "");
  EXPECT_FALSE(fs::exists(folder / "d.pth"));
}

}  // namespace
}  // namespace nnunet
