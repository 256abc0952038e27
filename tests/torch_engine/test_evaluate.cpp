#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "infer/tiny.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/evaluate.h"
#include "reference/shared.h"
#include "tensors.h"

namespace nnunet {
namespace {

Array<std::uint8_t> predicted(const std::vector<int>& values) {
  Array<std::uint8_t> map({1, 1, static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, map.values.begin());
  return map;
}

/// The map and a view of it.
struct Labels {
  Array<std::uint8_t> map;
  operator LabelView() const { return {map.values, map.shape}; }
};
Labels labels(const std::vector<int>& values) {
  return {predicted(values)};
}

TEST(DiceMetric, CountsAgreement) {
  DiceMetric metric(3);
  // class 1: TP 2, FP 1, FN 1; class 2: TP 1, FP 1, FN 1.
  metric.add(predicted({1, 1, 1, 0, 2, 2, 0, 0}), labels({1, 1, 2, 1, 2, 0, 0, 0}));
  EXPECT_NEAR(metric.result().dice[0].dice, 100 * 4.0 / 6.0, 1e-9);
  EXPECT_NEAR(metric.result().dice[1].dice, 100 * 2.0 / 4.0, 1e-9);
  EXPECT_EQ(metric.volumes(), 1);
}

TEST(DiceMetric, AbsentClasses) {
  const auto dice = [](const std::vector<int>& prediction, const std::vector<int>& label) {
    DiceMetric metric(2);
    metric.add(predicted(prediction), labels(label));
    return metric.result().dice[0].dice;
  };
  EXPECT_EQ(dice({0, 0}, {0, 0}), 100);  // absent from both
  EXPECT_EQ(dice({0, 1}, {0, 0}), 0);    // from the label only
  EXPECT_EQ(dice({0, 0}, {0, 1}), 0);    // from the prediction only
}

TEST(DiceMetric, ClassesThatOccurNowhereLeaveTheMean) {
  DiceMetric metric(4);
  metric.add(predicted({1, 0, 0, 0}), labels({1, 1, 0, 0}));
  metric.add(predicted({0, 0, 0, 0}), labels({0, 0, 0, 0}));
  ValidationResult result = metric.result();
  EXPECT_NEAR(result.dice[0].dice, 100 * (2. / 3 + 1) / 2, 1e-9);  // absent from both maps of a case: 1 there
  EXPECT_EQ(result.dice[0].cases, 1);
  EXPECT_EQ(result.dice[1].cases, 0);
  EXPECT_NEAR(result.mean_dice.value(), result.dice[0].dice, 1e-9);
  metric.add(predicted({2, 0, 0, 0}), labels({0, 0, 0, 0}));  // only predicted: 0 in that case
  result = metric.result();
  EXPECT_EQ(result.dice[1].cases, 1);
  EXPECT_NEAR(result.dice[1].dice, 100 * 2. / 3, 1e-9);
  EXPECT_NEAR(result.mean_dice.value(), (result.dice[0].dice + result.dice[1].dice) / 2, 1e-9);

  DiceMetric background(2);
  background.add(predicted({0, 0}), labels({0, 0}));
  EXPECT_FALSE(background.result().mean_dice);
}

TEST(DiceMetric, MeanOverVolumesNotVoxels) {
  DiceMetric metric(2);
  EXPECT_EQ(metric.result().dice[0].dice, 0);
  metric.add(predicted({1, 1}), labels({1, 1}));
  metric.add(predicted({1, 0, 0, 0, 0, 0, 0, 0}), labels({0, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(metric.result().dice[0].dice, 50);
  EXPECT_EQ(metric.volumes(), 2);
}

TEST(DiceMetric, RefusesOtherShapes) {
  DiceMetric metric(3);
  const auto values = predicted({0, 1, 2, 0});
  EXPECT_THROW(metric.add(predicted({0, 1, 2, 0}), LabelView{values.values, {1, 4}}), Error);
  EXPECT_THROW(metric.add(predicted({0, 1, 2}), labels({0, 1, 2, 0})), Error);
}

class Validate : public testing::Test {
 protected:
  void add_case(const std::string& name, const torch::Tensor& label,
                const std::vector<std::int64_t>& image_shape = {}) {
    auto shape = image_shape.empty() ? label.sizes().vec() : image_shape;
    shape.insert(shape.begin(), 1);
    Array<float> x(shape);
    if (image_shape.empty())  // the image is the label, so that a network that returns it is perfect
      std::copy_n(label.to(torch::kFloat32).contiguous().const_data_ptr<float>(), x.numel(), x.values.begin());
    write_npy(folder_ / (name + "_x.npy"), x);
    auto label_shape = label.sizes().vec();
    label_shape.insert(label_shape.begin(), 1);
    Array<std::uint8_t> y(label_shape);
    std::copy_n(label.contiguous().const_data_ptr<std::uint8_t>(), y.numel(), y.values.begin());
    write_npy(folder_ / (name + "_y.npy"), y);
  }
  PreprocessedFolder open(int dim) {
    write_config(folder_ / "config.json", test::tiny_config(dim));
    return PreprocessedFolder(folder_.path(), "", dim);
  }
  static torch::Tensor perfect(const torch::Tensor& x) {
    return torch::stack({-x.select(1, 0), 1 - 2 * (x.select(1, 0) - 1).abs(), 2 * x.select(1, 0) - 3}, 1);
  }

  test::TempFolder folder_;
};

torch::Tensor striped(const std::vector<std::int64_t>& shape) {
  return torch::arange(c10::multiply_integers(shape)).remainder(3).to(torch::kUInt8).view(shape);
}

TEST_F(Validate, PerfectAndConstantNetworks) {
  add_case("a", striped({10, 20, 17}));
  add_case("b", striped({3, 16, 40}));
  const auto folder = open(3);
  const WindowOptions windows = reference_windows({8, 16, 16});
  const auto result = test::validate(folder, {"a", "b"}, perfect, {}, windows);
  EXPECT_EQ(result.volumes, 2);
  ASSERT_EQ(result.dice.size(), 2U);
  for (const ClassDice& c : result.dice) {
    EXPECT_EQ(c.dice, 100);
    EXPECT_EQ(c.cases, 2);
  }
  EXPECT_EQ(result.mean_dice, 100);
  const auto zeros = [](const torch::Tensor& x) { return torch::zeros_like(x).repeat({1, 3, 1, 1, 1}); };
  EXPECT_EQ(test::validate(folder, {"a", "b"}, zeros, {}, windows).mean_dice, 0);
}

TEST_F(Validate, LossIsTheMeanOverVolumesOfBlendedLogits) {
  add_case("a", striped({10, 20, 17}));
  add_case("b", striped({8, 16, 16}));
  const auto folder = open(3);
  std::vector<std::vector<std::int64_t>> shapes;
  const auto loss = [&](const torch::Tensor& logits, const torch::Tensor& label) {
    EXPECT_EQ(label.scalar_type(), torch::kUInt8);
    EXPECT_EQ(label.sizes().vec(), (std::vector<std::int64_t>{1, logits.size(2), logits.size(3), logits.size(4)}));
    shapes.push_back(logits.sizes().vec());
    return torch::tensor(static_cast<double>(logits.size(2)));
  };
  EXPECT_EQ(test::validate(folder, {"a", "b"}, perfect, loss, reference_windows({8, 16, 16})).loss, 9);
  EXPECT_EQ(shapes[0], (std::vector<std::int64_t>{1, 3, 10, 20, 17}));
  EXPECT_EQ(test::validate(folder, {"a", "b"}, perfect, loss, reference_windows({8, 16, 16}), {.limit = 1}).loss,
            10);  // limit: the first only
}

TEST_F(Validate, SlicesOf2DNetworks) {
  add_case("a", striped({5, 16, 16}));
  const auto folder = open(2);
  std::vector<std::int64_t> batches;
  const auto forward = [&](const torch::Tensor& x) {
    EXPECT_EQ(x.sizes().slice(1).vec(), (std::vector<std::int64_t>{1, 16, 16}));
    batches.push_back(x.size(0));
    return perfect(x);
  };
  WindowOptions windows = reference_windows({16, 16});
  windows.batch_size = 3;
  EXPECT_EQ(test::validate(folder, {"a"}, forward, {}, windows).mean_dice, 100);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{3, 2}));
}

TEST_F(Validate, BadCases) {
  add_case("classes", striped({8, 16, 16}) + 1);
  add_case("shape", striped({8, 16, 16}), {8, 16, 15});
  add_case("unlabelled", striped({8, 16, 16}));
  std::filesystem::remove(folder_ / "unlabelled_y.npy");
  const auto folder = open(3);
  const auto run = [&](const std::vector<std::string>& names) {
    return test::validate(folder, names, perfect, {}, reference_windows({8, 16, 16}));
  };
  EXPECT_THROW(run({"classes"}), Error);
  EXPECT_THROW(run({"shape"}), Error);
  EXPECT_THROW(run({"unlabelled"}), Error);
  EXPECT_THROW(run({"absent"}), Error);
  EXPECT_THROW(run({}), Error);
}

}  // namespace
}  // namespace nnunet
