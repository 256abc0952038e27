#include <gtest/gtest.h>
#include <torch/torch.h>

#include "feed.h"
#include "infer/tiny.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/network/unet.h"
#include "nnunet/plan/reference_plan.h"
#include "reference/shared.h"
#include "tensors.h"

namespace nnunet {
namespace {

Predictor tiny_predictor(const std::vector<Checkpoint>& checkpoints, const PredictorOptions& options = {}) {
  return Predictor(checkpoints, options, kCpu, Precision::fp32);
}

TEST(Predictor, SegmentEqualsItsSteps) {
  const DataConfig config = test::tiny_config(3);
  const Checkpoint checkpoint = test::tiny_checkpoint(config);
  Predictor predictor = tiny_predictor({checkpoint});
  const Image image = test::tiny_image({13, 22, 25}, 1, {2.6, 1.3, 1.1});  // resampled

  const PreprocessedCase c = preprocess_case("a", image, reference_plan(config).preprocess);
  UNet network(checkpoint.plan);
  load_state_dict(*network, checkpoint.state_dict, "a");
  network->eval();
  const auto logits = sliding_window(test::tensor_of(c.x), [&](const torch::Tensor& x) { return network->forward(x); },
                                     {config.patch_size});
  EXPECT_NE((Shape3{logits.size(1), logits.size(2), logits.size(3)}), (Shape3{12, 20, 22}));
  RestoreSink expected("a", {c.crop_start, c.crop_end, c.original}, true);
  test::feed(expected, logits, 99, 99);

  const LabelMap label = predictor.segment("a", image);
  EXPECT_EQ(label.voxels.shape, (std::vector<std::int64_t>{13, 22, 25}));
  EXPECT_EQ(label.voxels.values, expected.labels().values);
  EXPECT_EQ(label.geometry.affine, image.geometry.affine);
  EXPECT_GT(std::ranges::count_if(label.voxels.values, [](auto v) { return v > 0; }), 0);
}

TEST(Predictor, AnisotropicCasesGoBackAsTheyCame) {
  const Predictor predictor = tiny_predictor({test::tiny_checkpoint(test::tiny_config(3))});
  PreprocessedCase c;
  c.crop_start = {0, 0, 0};
  c.crop_end = c.original = {4, 4, 4};
  c.spacing = {3.0, 1.0, 1.0};
  EXPECT_TRUE(predictor.original_grid(c).resampling.separate_axis.has_value());
  c.spacing = {2.9, 1.0, 1.0};
  EXPECT_FALSE(predictor.original_grid(c).resampling.separate_axis.has_value());
}

TEST(Predictor, AveragesLogitsOfSeveralCheckpoints) {
  const DataConfig config = test::tiny_config(3);
  const auto a = test::tiny_checkpoint(config, 1), b = test::tiny_checkpoint(config, 2);
  const auto x = torch::sin(torch::arange(10 * 20 * 18).to(torch::kFloat32)).view({1, 10, 20, 18});
  const auto one = test::logits(tiny_predictor({a}), x), two = test::logits(tiny_predictor({b}), x);
  const auto both = test::logits(tiny_predictor({a, b}), x);
  EXPECT_GT((one - two).abs().max().item<double>(), 0.01);
  EXPECT_LE((both - (one + two) / 2).abs().max().item<double>(), 1e-5);
}

TEST(Predictor, TwoDimensionalNetworksSegmentSliceBySlice) {
  const DataConfig config = test::tiny_config(2);
  Predictor predictor = tiny_predictor({test::tiny_checkpoint(config)}, {0.5, Blend::gaussian, 0, true});
  EXPECT_EQ(predictor.windows().batch_size, 64);
  const Image image = test::tiny_image({5, 30, 12}, 1, {7.0, 1.5, 1.5});  // never resampled
  const LabelMap label = predictor.segment("a", image);
  EXPECT_EQ(label.voxels.shape, (std::vector<std::int64_t>{5, 30, 12}));
  // A slice does not depend on its neighbours: the network sees one at a time.
  auto x = torch::sin(torch::arange(3 * 20 * 18).to(torch::kFloat32)).view({1, 3, 20, 18});
  const auto before = test::logits(predictor, x);
  x = x.clone();
  x.select(1, 0).mul_(3);
  const auto after = test::logits(predictor, x);
  EXPECT_LE((before.slice(1, 1) - after.slice(1, 1)).abs().max().item<double>(), 1e-6);
  EXPECT_GT((before.select(1, 0) - after.select(1, 0)).abs().max().item<double>(), 0);
}

TEST(Predictor, MixedPrecisionIsClose) {
  const auto checkpoint = test::tiny_checkpoint(test::tiny_config(3));
  const auto x = torch::sin(torch::arange(10 * 20 * 18).to(torch::kFloat32)).view({1, 10, 20, 18});
  const auto exact = test::logits(tiny_predictor({checkpoint}), x);
  const auto low = test::logits(Predictor({checkpoint}, {}, kCpu, Precision::bf16), x);
  const double difference = (exact - low).abs().max().item<double>();
  EXPECT_GT(difference, 0);
  EXPECT_LE(difference, 0.1 * exact.abs().max().item<double>());
}

TEST(Predictor, OutputGeometryEqualsTheInputs) {
  for (const std::string file : {"Task22_HeadCT", "mr/example_mr_sm.nii.gz"}) {
    NNUNET_NEEDS_SHARED("data/" + file);
    std::filesystem::path path = test::shared_dir() / "data" / file;
    if (std::filesystem::is_directory(path)) path = std::filesystem::directory_iterator(path / "imagesTr")->path();
    SCOPED_TRACE(path.string());
    DataConfig config = test::tiny_config(3);
    config.spacings = {12, 10, 10};  // few windows
    Predictor predictor = tiny_predictor({test::tiny_checkpoint(config)});
    const Image image = read_nifti(path);
    const test::TempFolder folder;
    const auto out = folder / "label.nii.gz";
    write_label_map(out, predictor.segment("a", image));

    const LabelMap label = read_label_map(out, 3);
    EXPECT_EQ(label.geometry.shape, image.geometry.shape);
    EXPECT_EQ(label.geometry.spacing, image.geometry.spacing);
    EXPECT_EQ(affine_difference(label.geometry, image.geometry), 0);
    // Byte for byte: pixdim (76-108), units (123), qform and sform with their codes (252-328) of the NIfTI-1 header.
    ASSERT_EQ(image.geometry.header.size(), 348U);
    ASSERT_EQ(label.geometry.header.size(), 348U);
    for (const auto& [begin, end] : {std::pair{76, 92}, std::pair{123, 124}, std::pair{252, 328}})
      EXPECT_TRUE(std::equal(image.geometry.header.begin() + begin, image.geometry.header.begin() + end,
                             label.geometry.header.begin() + begin))
          << "bytes from " << begin;
  }
}

TEST(Predictor, RefusesBadCheckpoints) {
  const test::TempFolder folder;
  const DataConfig config = test::tiny_config(3);
  const auto good = test::save_tiny(folder / "good.ckpt", config);
  const auto load = [&](const std::vector<std::filesystem::path>& paths) {
    return Predictor(paths, {}, {}, kCpu, Precision::fp32);
  };
  EXPECT_NO_THROW(load({good, good}));
  EXPECT_THROW(load({}), Error);
  EXPECT_THROW(load({folder / "absent.ckpt"}), Error);

  DataConfig other = config;
  other.spacings = {2.0, 1.0, 1.1};
  EXPECT_THROW(load({good, test::save_tiny(folder / "spacing.ckpt", other)}), Error);
  other = config;
  other.modality = "CT";
  other.ct = CtStats{-100, 200, 50, 60};
  EXPECT_THROW(load({good, test::save_tiny(folder / "ct.ckpt", other)}), Error);
  EXPECT_THROW(load({good, test::save_tiny(folder / "classes.ckpt", test::tiny_config(3, 1, 4))}), Error);
  Checkpoint plan = test::tiny_checkpoint(config);
  plan.plan.negative_slope = 0.2;
  save_checkpoint(folder / "plan.ckpt", plan);
  EXPECT_THROW(load({good, folder / "plan.ckpt"}), Error);
}

TEST(Predictor, RefusesImagesOfAnotherNumberOfChannels) {
  Predictor predictor = tiny_predictor({test::tiny_checkpoint(test::tiny_config(3, 2))});
  EXPECT_THROW(predictor.segment("a", test::tiny_image({8, 16, 16}, 1)), Error);
  EXPECT_THROW(test::logits(predictor, torch::zeros({1, 8, 16, 16})), Error);
  EXPECT_NO_THROW(predictor.segment("a", test::tiny_image({8, 16, 16}, 2)));
}

}  // namespace
}  // namespace nnunet
