#include <gtest/gtest.h>

#include <string>

#include "kernels/cuda/loss_stages.h"
#include "numbers.h"
#include "run_stages.h"

// The CUDA kernels' stages, run on the CPU, beside the CPU's own kernels.
namespace nnunet::kernels::cuda {
namespace {

using test::deviation;
using test::Numbers;

struct Example {
  LossShape shape;
  bool focal;
  std::vector<std::uint8_t> label;
  Numbers<float> by;  ///< derivatives by the sums

  Example(const LossShape& s, bool focal_loss) : shape(s), focal(focal_loss) {
    std::mt19937 engine(7);
    std::uniform_int_distribution<int> classes(0, static_cast<int>(s.classes) - 1);
    for (std::int64_t i = 0; i < s.samples * s.voxels; ++i) label.push_back(static_cast<std::uint8_t>(classes(engine)));
    by = test::random_numbers<float>(3 * s.classes + 1, 8);
  }
  std::int64_t size() const { return shape.samples * shape.classes * shape.voxels; }
};

template <class T>
struct Values {
  Numbers<float> sums;
  Numbers<T> gradient;
};

/// What the kernels of segmentation_loss.cu do.
template <class T>
Values<T> in_stages(const Example& e, const Numbers<T>& logits, const test::GridOrder& order) {
  const LossTiles tiles = make_tiles(e.shape);
  Numbers<std::byte> workspace(static_cast<std::size_t>(workspace_bytes(tiles)));
  auto* const softmax = tiles.groups > 1 ? reinterpret_cast<TopAndSum*>(workspace.data()) : nullptr;
  auto* const partial = softmax != nullptr ? reinterpret_cast<float*>(softmax + e.shape.samples * e.shape.voxels)
                                           : reinterpret_cast<float*>(workspace.data());
  Values<T> v{Numbers<float>(static_cast<std::size_t>(tiles.statistics())), Numbers<T>(logits.size())};
  if (softmax != nullptr) test::run_stage(order, Softmax<T>{tiles, logits.data(), softmax});
  test::run_stages(order, LossPieces<T>{tiles, logits.data(), e.label.data(), softmax, e.focal, partial},
                   LossTotals{tiles.statistics(), tiles.samples * tiles.pieces, partial, v.sums.data()},
                   LossGradient<T>{tiles, logits.data(), e.label.data(), e.focal, e.by.data(), v.gradient.data()});
  return v;
}

Values<float> expected(const Example& e, const Numbers<float>& logits) {
  const LossSums s = loss_forward(logits.data(), e.label.data(), e.shape, e.focal).over_samples(e.shape.classes);
  Values<float> v{{}, Numbers<float>(logits.size())};
  for (const auto* part : {&s.intersection, &s.probability, &s.label})
    for (const double sum : *part) v.sums.push_back(static_cast<float>(sum));
  v.sums.push_back(static_cast<float>(s.loss));
  const std::int64_t classes = e.shape.classes;
  loss_backward(logits.data(), e.label.data(), v.gradient.data(), e.shape, e.focal,
                {e.by.data(), e.by.data() + classes, 0, e.by[static_cast<std::size_t>(3 * classes)]});
  return v;
}

template <class T>
void compare(const Example& e) {
  const std::string name = std::to_string(e.shape.samples) + "x" + std::to_string(e.shape.classes) + "x" +
                           std::to_string(e.shape.voxels) + (e.focal ? " focal" : "");
  const Numbers<T> logits = test::random_numbers<T>(e.size(), 9, 0, 4);
  const Values<T> v = in_stages(e, logits, {});
  const Values<float> truth = expected(e, test::floats(logits));
  for (std::size_t i = 0; i < truth.sums.size(); ++i)
    EXPECT_NEAR(v.sums[i], truth.sums[i], 1e-5 * std::abs(truth.sums[i]) + 1e-6) << name << " sum " << i;
  EXPECT_LT(deviation(v.gradient, truth.gradient), test::rounding<T>()) << name;

  const Values<T> other = in_stages(e, logits, {7, true});
  EXPECT_EQ(v.sums, other.sums) << name;
  EXPECT_EQ(test::floats(v.gradient), test::floats(other.gradient)) << name;
}

TEST(CudaLoss, AgreesWithTheCpusKernels) {
  // Under, at and over a group of classes; several pieces a sample.
  for (const LossShape& size : {LossShape{2, 3, 990},
                                {1, 2, 65},
                                {1, 105, 105},
                                {3, 5, 561},
                                {1, 4, 1},
                                {2, 3, 15600},
                                {2, 8, 300},
                                {1, 9, 4500},
                                {1, 17, 257}})
    for (const Layout layout : {Layout::channels_first, Layout::channels_last})
      for (const bool focal : {false, true}) {
        LossShape shape = size;
        shape.layout = layout;
        const Example e(shape, focal);
        compare<float>(e);
        compare<Bfloat16>(e);
        compare<Half>(e);
      }
}

TEST(CudaLoss, LargeLogitsStayFinite) {
  Example e({1, 3, 16}, false);
  std::fill(e.label.begin(), e.label.end(), std::uint8_t{0});
  Numbers<float> logits(48);
  for (std::size_t v = 0; v < 16; ++v) logits[3 * v + 2] = 1e4f;
  const Values<float> v = in_stages(e, logits, {});
  EXPECT_NEAR(v.sums[9], 16e4, 1);
  for (const float g : v.gradient) EXPECT_TRUE(std::isfinite(g));
}

TEST(CudaLoss, ALabelThatIsNoClassMakesTheLossNaN) {
  for (const std::int64_t classes : {3, 12}) {
    Example e({1, classes, 40}, false);
    e.label[11] = 200;
    const Numbers<float> logits = test::random_numbers<float>(e.size(), 5);
    const Values<float> v = in_stages(e, logits, {});
    EXPECT_TRUE(std::isnan(v.sums.back()));
    for (std::size_t i = 0; i + 1 < v.sums.size(); ++i) EXPECT_TRUE(std::isfinite(v.sums[i]));
  }
}

}  // namespace
}  // namespace nnunet::kernels::cuda
