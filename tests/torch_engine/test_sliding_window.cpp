#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <map>
#include <tuple>

#include "feed.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/restore.h"
#include "nnunet/torch_engine/torch_lane.h"
#include "reference/npz.h"
#include "reference/numbers.h"
#include "reference/reference_network.h"
#include "tensors.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

torch::Tensor formula_volume(const Sizes& shape) {
  const auto i = torch::arange(c10::multiply_integers(shape), torch::kDouble);
  return (torch::sin(0.37 * i) + 0.5 * torch::cos(0.011 * i)).to(torch::kFloat32).view(shape);
}

/// A stand-in for a network: depends on neighbours and on the place in the window, so that any mistake of position,
/// flip or weight shows. (N,C,spatial) -> (N,3,spatial).
torch::Tensor toy_network(const torch::Tensor& x) {
  const auto sum = x.sum(1);
  auto ramp = torch::arange(x.size(-1), torch::kFloat32) * 0.1;
  const auto shifted = torch::roll(sum, 1, -1) + 2 * torch::roll(sum, 1, -2);
  return torch::stack({sum + ramp, shifted, sum.square() - ramp}, 1);
}

/// MONAI's algorithm in its plainest form for one flip: (C,spatial) -> (3,spatial).
torch::Tensor plain_blend(const torch::Tensor& volume, const Sizes& patch, double overlap, Blend blend) {
  const auto dims = static_cast<std::int64_t>(patch.size());
  Sizes size = volume.sizes().slice(1).vec(), shape = size;
  shape.insert(shape.begin(), 3);
  auto sum = torch::zeros(shape), count = torch::zeros(size);
  const auto weights = test::tensor_of(window_weights(reference_windows(patch, 0.5, blend).plan));
  std::vector<Sizes> starts;
  for (std::size_t a = 0; a < patch.size(); ++a) starts.push_back(window_starts(size[a], patch[a], overlap));
  if (dims == 2) starts.insert(starts.begin(), Sizes{0});
  for (auto z : starts[0])
    for (auto y : starts[1])
      for (auto x : starts[2]) {
        const auto cut = [&](torch::Tensor t) {
          if (dims == 3) t = t.narrow(-3, z, patch[0]);
          return t.narrow(-2, y, patch[patch.size() - 2]).narrow(-1, x, patch.back());
        };
        cut(sum).add_(toy_network(cut(volume).unsqueeze(0))[0] * weights);
        cut(count).add_(weights);
      }
  return sum / count;
}

void expect_close(const torch::Tensor& a, const torch::Tensor& b, double tolerance) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LE((a - b).abs().max().item<double>(), tolerance);
}

TEST(WindowStarts, StepAndLastWindowFlush) {
  EXPECT_EQ(window_starts(40, 40, 0.5), (Sizes{0}));
  EXPECT_EQ(window_starts(72, 40, 0.5), (Sizes{0, 20, 32}));
  EXPECT_EQ(window_starts(80, 40, 0.5), (Sizes{0, 20, 40}));
  EXPECT_EQ(window_starts(41, 40, 0.5), (Sizes{0, 1}));
  EXPECT_EQ(window_starts(75, 56, 0.25), (Sizes{0, 19}));
  EXPECT_EQ(window_starts(9, 3, 0.0), (Sizes{0, 3, 6}));
  // int(5 * (1 - 0.9)) = 0, hence 1; int(10 * (1 - 0.7)) is 3, although 10 * 0.30000000000000004 is not.
  EXPECT_EQ(window_starts(7, 5, 0.9), (Sizes{0, 1, 2}));
  EXPECT_EQ(window_starts(16, 10, 0.7), (Sizes{0, 3, 6}));
}

TEST(WindowWeights, GaussianProductWithFloor) {
  const auto w = test::tensor_of(window_weights(reference_windows({4, 6}, 0.5, Blend::gaussian).plan));
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x) {
      const double dy = y - 1.5, dx = x - 2.5, sy = 0.5, sx = 0.75;
      const double expected = std::exp(-dy * dy / (2 * sy * sy)) * std::exp(-dx * dx / (2 * sx * sx));
      EXPECT_NEAR(w[y][x].item<double>(), std::max(expected, 1e-3), 1e-6);
    }
  // A window of one voxel has weight 1; ones stay ones.
  EXPECT_FLOAT_EQ(window_weights(reference_windows({1, 1, 1}, 0.5, Blend::gaussian).plan).values[0], 1.0F);
  EXPECT_TRUE(test::tensor_of(window_weights(reference_windows({3, 4, 5}, 0.5, Blend::constant).plan))
                  .eq(1)
                  .all()
                  .item<bool>());
  EXPECT_EQ(window_weights(reference_windows({3, 4, 5}, 0.5, Blend::constant).plan).shape, (Sizes{3, 4, 5}));
}

TEST(SlidingWindow, EqualsPlainImplementation3D) {
  const auto volume = formula_volume({2, 9, 14, 11});
  for (const Blend blend : {Blend::gaussian, Blend::constant})
    for (const double overlap : {0.0, 0.25, 0.5})
      for (const std::int64_t batch : {1, 3, 64}) {
        const WindowOptions options = reference_windows({4, 6, 5}, overlap, blend, batch, false);
        expect_close(sliding_window(volume, toy_network, options), plain_blend(volume, {4, 6, 5}, overlap, blend),
                     2e-5);
      }
}

TEST(SlidingWindow, TtaIsTheMeanOverAllFlips3D) {
  const auto volume = formula_volume({1, 9, 14, 11});
  auto expected = torch::zeros({3, 9, 14, 11});
  for (int f = 0; f < 8; ++f) {
    Sizes axes;
    for (int a = 0; a < 3; ++a)
      if ((f >> a) & 1) axes.push_back(a + 1);
    const auto flipped = axes.empty() ? volume : volume.flip(axes);
    const auto blended = plain_blend(flipped, {4, 6, 5}, 0.5, Blend::gaussian);
    expected += axes.empty() ? blended : blended.flip(axes);
  }
  const WindowOptions options = reference_windows({4, 6, 5}, 0.5, Blend::gaussian, 5, true);
  expect_close(sliding_window(volume, toy_network, options), expected / 8, 2e-5);
}

TEST(SlidingWindow, PlaneWindowsOverAllSlices2D) {
  const auto volume = formula_volume({2, 5, 14, 11});
  for (const bool tta : {false, true}) {
    auto expected = torch::zeros({3, 5, 14, 11});
    const int flips = tta ? 4 : 1;
    for (std::int64_t z = 0; z < 5; ++z)
      for (int f = 0; f < flips; ++f) {
        Sizes axes;
        for (int a = 0; a < 2; ++a)
          if ((f >> a) & 1) axes.push_back(a + 1);
        const auto slice = volume.select(1, z);
        const auto blended = plain_blend(axes.empty() ? slice : slice.flip(axes), {6, 5}, 0.5, Blend::gaussian);
        expected.select(1, z).add_(axes.empty() ? blended : blended.flip(axes));
      }
    const WindowOptions options = reference_windows({6, 5}, 0.5, Blend::gaussian, 4, tta);
    expect_close(sliding_window(volume, toy_network, options), expected / flips, 2e-5);
  }
}

TEST(SlidingWindow, SmallVolumesArePaddedEvenlyAndCropped) {
  const auto volume = formula_volume({1, 3, 8, 2});
  // 3 -> 8: 2 before, 3 after; 8 -> 5: none; 2 -> 5: 1 before, 2 after.
  auto padded = torch::zeros({1, 8, 8, 5});
  padded.narrow(1, 2, 3).narrow(3, 1, 2).copy_(volume);
  const auto expected = plain_blend(padded, {8, 5, 5}, 0.5, Blend::gaussian).narrow(1, 2, 3).narrow(3, 1, 2);
  const WindowOptions options = reference_windows({8, 5, 5}, 0.5, Blend::gaussian, 2, false);
  const auto result = sliding_window(volume, toy_network, options);
  expect_close(result, expected, 2e-5);
  EXPECT_TRUE(result.is_contiguous());
}

TEST(SlidingWindow, NeverMoreWindowsThanAskedFor) {
  std::vector<std::int64_t> batches;
  const auto spy = [&](const torch::Tensor& x) {
    EXPECT_FALSE(torch::GradMode::is_enabled());
    batches.push_back(x.size(0));
    return toy_network(x);
  };
  sliding_window(formula_volume({1, 9, 9, 9}), spy, reference_windows({4, 9, 9}, 0.5, Blend::gaussian, 3, false));
  EXPECT_EQ(batches, (std::vector<std::int64_t>{3, 1}));  // windows at 0, 2, 4, 5
}

TEST(SlidingWindow, LowPrecisionLogitsAreAddedInFloat32) {
  const auto volume = formula_volume({1, 6, 6, 6});
  const auto forward = [](const torch::Tensor& x) { return toy_network(x).to(torch::kBFloat16); };
  const auto result = sliding_window(volume, forward, reference_windows({4, 4, 4}, 0.5, Blend::gaussian, 4, true));
  EXPECT_EQ(result.scalar_type(), torch::kFloat32);
  const auto exact = sliding_window(volume, toy_network, reference_windows({4, 4, 4}, 0.5, Blend::gaussian, 4, true));
  EXPECT_LE((result - exact).abs().max().item<double>(), 0.02);
}

TEST(SlidingWindow, TtaPadsTheMirroredVolume) {
  // Two missing voxels and a mirror image: one more before in one, one more after in the other.
  const auto volume = formula_volume({1, 3, 8, 4});
  const WindowOptions once = reference_windows({6, 5, 7}, 0.5, Blend::gaussian, 3, false);
  auto expected = torch::zeros({3, 3, 8, 4});
  for (int f = 0; f < 8; ++f) {
    Sizes axes;
    for (int a = 0; a < 3; ++a)
      if ((f >> a) & 1) axes.push_back(a + 1);
    expected += sliding_window(volume.flip(axes), toy_network, once).flip(axes);
  }
  WindowOptions tta = once;
  tta.plan.mirror = true;
  expect_close(sliding_window(volume, toy_network, tta), expected / 8, 2e-5);
}

/// toy_network with so many classes and its output made over.
TorchForward wide_network(std::int64_t classes, std::function<torch::Tensor(const torch::Tensor&)> make_over) {
  return [=](const torch::Tensor& x) {
    Sizes times(static_cast<std::size_t>(x.dim()), 1), shape = times;
    times[1] = (classes + 2) / 3;
    shape[1] = classes;
    const auto offsets = torch::arange(classes).mul(0.25).view(shape);
    return make_over(toy_network(x).repeat(times).narrow(1, 0, classes) + offsets);
  };
}

/// Memory of a tensor with classes innermost.
torch::Tensor interleaved(const torch::Tensor& logits) {
  const auto rank = logits.dim();
  return logits.movedim(1, rank - 1).contiguous().movedim(rank - 1, 1);
}

struct KernelCase {
  Sizes volume, patch;
};

class SlidingWindowKernel : public testing::TestWithParam<KernelCase> {};

TEST_P(SlidingWindowKernel, EqualsTorchOperators) {
  const std::vector<std::function<torch::Tensor(const torch::Tensor&)>> layouts{
      [](const torch::Tensor& t) { return t; },
      [](const torch::Tensor& t) { return interleaved(t); },
      [](const torch::Tensor& t) { return t.to(torch::kBFloat16); },
      [](const torch::Tensor& t) { return interleaved(t.to(torch::kBFloat16)); },
      [](const torch::Tensor& t) { return t.to(torch::kHalf); },
      [](const torch::Tensor& t) { return interleaved(t.to(torch::kDouble)); },
      [](const torch::Tensor& t) { return t.transpose(-1, -2).contiguous().transpose(-1, -2); },
      [](const torch::Tensor& t) {
        return torch::cat({t, t}, 1).narrow(1, 1, t.size(1));
      }};
  const auto volume = formula_volume(GetParam().volume);
  std::size_t layout = 0;
  for (const std::int64_t classes : {2, 37})
    for (const std::int64_t batch : {1, 5})
      for (const bool tta : {false, true})
        for (const double overlap : {0.25, 0.5}) {
          const auto network = wide_network(classes, layouts[layout++ % layouts.size()]);
          const WindowOptions options = reference_windows(GetParam().patch, overlap, Blend::gaussian, batch, tta);
          const auto kernel = sliding_window(volume, network, options);
          const auto plain = sliding_window(volume, network, options, CpuSumming::torch_operators);
          EXPECT_EQ(kernel.sizes(), (Sizes{classes, GetParam().volume[1], GetParam().volume[2], GetParam().volume[3]}));
          expect_close(kernel, plain, 3e-6 * plain.abs().max().item<double>());
        }
}

INSTANTIATE_TEST_SUITE_P(Shapes, SlidingWindowKernel,
                         testing::Values(KernelCase{{1, 9, 14, 11}, {4, 6, 5}},   // odd
                                         KernelCase{{2, 13, 7, 40}, {5, 7, 19}},  // one window along an axis
                                         KernelCase{{1, 3, 8, 4}, {6, 5, 7}},     // smaller than the patch
                                         KernelCase{{1, 1, 1, 1}, {3, 2, 2}},     // a voxel
                                         KernelCase{{1, 6, 14, 37}, {6, 35}},     // slices
                                         KernelCase{{2, 3, 4, 9}, {7, 6}}));      // slices smaller than the patch

/// Checks that blocks come in order, cover the volume once, and that lines before them can still be read.
class CheckingSink final : public LogitSink {
 public:
  explicit CheckingSink(const torch::Tensor& expected)
      : expected_(expected), seen_(torch::zeros(expected[0].sizes())) {}
  void begin(std::int64_t classes, const Shape3& shape) override {
    EXPECT_EQ((Sizes{classes, shape[0], shape[1], shape[2]}), expected_.sizes().vec());
  }
  void take(const FinishedLogits& l) override {
    if (l.z_begin >= l.z_end || l.y_begin >= l.y_end) return;
    EXPECT_LE(std::pair(last_z_, last_y_), std::pair(l.z_begin, l.y_begin));
    std::tie(last_z_, last_y_) = std::tuple(l.z_begin, l.y_begin);
    seen_.slice(0, l.z_begin, l.z_end).slice(1, l.y_begin, l.y_end).add_(1);
    ++blocks_;
    for (std::int64_t z = std::max<std::int64_t>(0, l.z_begin - 1); z < l.z_end; ++z)
      for (std::int64_t y = std::max<std::int64_t>(0, l.y_begin - 1); y < l.y_end; ++y) {
        ASSERT_NE(l.line(z, y), nullptr);
        const auto line = torch::from_blob(const_cast<float*>(l.line(z, y)), {l.classes, l.shape[2]},
                                           {l.class_stride, 1}, torch::kFloat32);
        ASSERT_TRUE(line.equal(expected_.select(1, z).select(1, y))) << z << " " << y;
      }
  }
  void check(int blocks) const {
    EXPECT_TRUE(seen_.eq(1).all().item<bool>());
    EXPECT_EQ(blocks_, blocks);
  }

 private:
  torch::Tensor expected_, seen_;
  std::int64_t last_z_ = 0, last_y_ = 0;
  int blocks_ = 0;
};

TEST(StreamWindows, FinishedLinesAreHandedOnOnceAndInOrder) {
  const auto run = [](const Sizes& shape, const WindowOptions& options, int blocks) {
    const auto volume = formula_volume(shape);
    for (const auto summing : {CpuSumming::kernel, CpuSumming::torch_operators}) {
      CheckingSink sink(sliding_window(volume, toy_network, options));
      const auto report = stream_windows(volume, toy_network, options, {&sink}, summing);
      EXPECT_EQ(report.classes, 3);
      sink.check(blocks);
    }
  };
  run({1, 9, 14, 11}, reference_windows({4, 6, 5}, 0.5, Blend::gaussian, 2, false), 16);  // z at 0 2 4 5, y at 0 3 6 8
  run({1, 10, 14, 11}, reference_windows({4, 6, 5}, 0.5, Blend::gaussian, 3, true),
      24);  // z at 0 2 4 6, y at 0 2 3 5 6 8
  run({1, 3, 3, 4}, reference_windows({6, 5, 7}, 0.5, Blend::gaussian, 3, true), 1);
  run({1, 5, 8, 7}, reference_windows({4, 7}, 0.5, Blend::gaussian, 7, false), 15);
}

TEST(StreamWindows, MemoryDoesNotGrowWithDepth) {
  const auto bytes = [](std::int64_t depth, bool plain) {
    const WindowOptions options = reference_windows({8, 6, 5}, 0.5, Blend::gaussian, 4, true);
    const auto network = wide_network(30, [](auto t) { return t; });
    return stream_windows(formula_volume({1, depth, 14, 11}), network, options, {},
                          plain ? CpuSumming::torch_operators : CpuSumming::kernel)
        .sum_bytes;
  };
  const std::int64_t slab = 30 * 8 * 14 * 11 * 4;  // classes x depth of a window x cross-section
  EXPECT_EQ(bytes(48, false), bytes(24, false));
  EXPECT_LE(bytes(48, false), slab);
  EXPECT_EQ(bytes(48, true), slab);
  // Rows of windows that are finished make room for the next ones.
  const auto volume = formula_volume({1, 64, 60, 8});
  const auto report =
      stream_windows(volume, toy_network, reference_windows({16, 12, 8}, 0.5, Blend::gaussian, 4, false), {});
  EXPECT_LE(report.sum_bytes, 3 * 16 * 60 * 8 * 4 * 3 / 4);
}

TEST(StreamWindows, LabelsInTheOriginalGridEqualTheWholeVolumeWay) {
  const auto volume = formula_volume({1, 19, 14, 11});
  for (const bool anisotropic : {false, true})
    for (const bool tta : {false, true}) {
      const OriginalGrid grid{
          {1, 2, 3}, {30, 27, 19}, {33, 28, 20}, anisotropic ? LogitResampling{.separate_axis = 0} : LogitResampling{}};
      const WindowOptions options = reference_windows({4, 6, 5}, 0.5, Blend::gaussian, 3, tta);
      const auto network = wide_network(7, [](auto t) { return t; });
      RestoreSink streamed("case", grid, true), whole("case", grid, true);
      LabelSink labels;
      stream_windows(volume, network, options, {&streamed, &labels});
      const auto logits = sliding_window(volume, network, options);
      test::feed(whole, logits, 99, 99);
      EXPECT_EQ(streamed.labels().values, whole.labels().values);
      const auto expected = logits.argmax(0).to(torch::kUInt8).contiguous();
      EXPECT_TRUE(std::equal(labels.labels().values.begin(), labels.labels().values.end(),
                             expected.const_data_ptr<std::uint8_t>()));
    }
}

TEST(SliceBySlice, WholeSlicesInBatches) {
  const auto volume = formula_volume({2, 7, 6, 5});
  std::vector<std::int64_t> batches;
  const auto spy = [&](const torch::Tensor& x) {
    batches.push_back(x.size(0));
    return toy_network(x);
  };
  const WindowOptions options = reference_windows({99, 99}, 0.5, Blend::gaussian, 3, false);
  const auto result = slice_by_slice(volume, spy, options);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{3, 3, 1}));
  expect_close(result, toy_network(volume.transpose(0, 1)).transpose(0, 1), 1e-6);
}

TEST(SlidingWindow, RefusesOptionsThatMakeNoSense) {
  const auto volume = formula_volume({1, 6, 6, 6});
  const auto run = [&](const WindowOptions& o) { return sliding_window(volume, toy_network, o); };
  EXPECT_THROW(run(reference_windows({4, 4, 4}, 1.0, Blend::gaussian, 4, false)), Error);
  EXPECT_THROW(run(reference_windows({4, 4, 4}, -0.1, Blend::gaussian, 4, false)), Error);
  EXPECT_THROW(run(reference_windows({4, 4, 4}, std::nan(""), Blend::gaussian, 4, false)), Error);
  EXPECT_THROW(run(reference_windows({4, 4, 4}, 0.5, Blend::gaussian, 0, false)), Error);
  EXPECT_THROW(run(reference_windows({4, 0, 4}, 0.5, Blend::gaussian, 4, false)), Error);
  EXPECT_THROW(run(reference_windows({4}, 0.5, Blend::gaussian, 4, false)), Error);
  EXPECT_THROW(sliding_window(volume[0], toy_network, reference_windows({4, 4, 4})), Error);
  EXPECT_THROW(sliding_window(torch::zeros({1, 0, 4, 4}), toy_network, reference_windows({4, 4, 4})), Error);
  const auto halving = [](const torch::Tensor& x) { return toy_network(x).slice(-1, 0, 2); };
  EXPECT_THROW(sliding_window(volume, halving, reference_windows({4, 4, 4})), Error);
}

/// Runs each different window through the network once: the sixteen reference results share most of them.
class Remembering {
 public:
  explicit Remembering(UNet network) : network_(std::move(network)) {}
  torch::Tensor operator()(const torch::Tensor& x) {
    std::vector<torch::Tensor> results;
    for (std::int64_t n = 0; n < x.size(0); ++n) {
      const auto sample = x[n].contiguous();
      const std::string key(reinterpret_cast<const char*>(sample.const_data_ptr<float>()),
                            static_cast<std::size_t>(sample.numel()) * sizeof(float));
      auto& result = known_[key];
      if (!result.defined()) result = network_->forward(x.narrow(0, n, 1))[0];
      results.push_back(result);
    }
    return torch::stack(results);
  }

 private:
  UNet network_;
  std::map<std::string, torch::Tensor> known_;
};

class SlidingWindowReference : public testing::TestWithParam<std::string> {};

TEST_P(SlidingWindowReference, EqualsMonai) {
  const test::Npz npz(test::reference_file("reference/sliding_window.npz"));
  const auto stride = npz.has("stride") ? npz.scalar<std::int64_t>("stride") : 3;
  const auto reference = test::reference_networks().at("hippocampus_3d");
  torch::NoGradGuard no_grad;
  UNet network(test::reference_plan(reference));
  test::set_reference_weights(*network, reference);
  network->eval();
  Remembering forward(network);

  const auto size = npz.load<std::int64_t>(GetParam() + "_shape").values;
  const auto volume = formula_volume({1, size[0], size[1], size[2]});
  int compared = 0;
  for (const Blend blend : {Blend::gaussian, Blend::constant})
    for (const std::string overlap : {"0.5", "0.25"})
      for (const bool tta : {false, true}) {
        const std::string key =
            GetParam() + (blend == Blend::gaussian ? "_gaussian_" : "_constant_") + overlap + (tta ? "_tta" : "");
        SCOPED_TRACE(key);
        const auto expected = npz.load<float>(key);
        const WindowOptions options = reference_windows({40, 56, 40}, std::stod(overlap), blend, 4, tta);
        const auto logits = sliding_window(volume, std::ref(forward), options);
        const auto thinned = logits.slice(1, 0, std::nullopt, stride)
                                 .slice(2, 0, std::nullopt, stride)
                                 .slice(3, 0, std::nullopt, stride);
        const auto wanted = torch::from_blob(const_cast<float*>(expected.data()), expected.shape, torch::kFloat32);
        expect_close(thinned, wanted, 1e-4);
        ++compared;
      }
  EXPECT_EQ(compared, 8);
}

INSTANTIATE_TEST_SUITE_P(Volumes, SlidingWindowReference, testing::Values("v0", "v1"));

}  // namespace
}  // namespace nnunet
