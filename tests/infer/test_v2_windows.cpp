#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "nnunet/core/error.h"
#include "nnunet/infer/engine.h"
#include "nnunet/infer/sliding_window.h"
#include "nnunet/kernels/half.h"
#include "reference/npz.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

SlidingWindowPlan v2_plan(Sizes patch, double step, std::vector<int> mirror_axes) {
  SlidingWindowPlan plan;
  plan.patch = std::move(patch);
  plan.overlap = 1 - step;
  plan.starts = StartRule::evenly_spread;
  plan.weights = WindowWeights::filtered_impulse;
  plan.mirror = !mirror_axes.empty();
  plan.mirror_axes = std::move(mirror_axes);
  plan.mirrored_unit = MirroredUnit::window;
  plan.sums = SumType::fp16;
  return plan;
}

/// Logits of one window (C,d,h,w), written in one piece: a network that is not symmetric, and sees its window's
/// borders.
constexpr std::int64_t kClasses = 3;
using Toy = std::function<float(const float* window, std::int64_t k, std::int64_t i, std::int64_t count)>;

Toy toy(float scale) {
  return [scale](const float* window, std::int64_t k, std::int64_t i, std::int64_t count) {
    const float here = window[i], next = window[(i + 1) % count], far = window[(i * 7 + 3) % count];
    return scale * (here * (1.3F + static_cast<float>(k)) - next * 0.7F + far * far * 0.21F +
                    0.01F * static_cast<float>(i % 13) * static_cast<float>(k + 1));
  };
}

/// The same as a network over batches; counts the windows that it sees.
ForwardFunction network_of(Toy one, std::int64_t& seen) {
  return [one = std::move(one), &seen](const WindowBatch& windows) {
    Sizes shape = windows.shape;
    const std::int64_t values = windows.window_values(), count = values / shape[1];
    shape[1] = kClasses;
    float* to = nullptr;
    Logits logits = Logits::make(shape, to);
    for (std::int64_t n = 0; n < windows.size(); ++n, ++seen)
      for (std::int64_t k = 0; k < kClasses; ++k)
        for (std::int64_t i = 0; i < count; ++i) *to++ = one(windows.values + n * values, k, i, count);
    return logits;
  };
}

float rounded(float value, SumType type = SumType::fp16) {
  if (type == SumType::fp32) return value;
  kernels::Half half{};
  kernels::from_float(value, half);
  return kernels::to_float(half);
}

Array<float> formula_volume(Sizes shape) {
  Array<float> volume(std::move(shape));
  for (std::int64_t i = 0; i < volume.numel(); ++i) {
    const auto t = static_cast<double>(i);
    volume.values[static_cast<std::size_t>(i)] = static_cast<float>(std::sin(0.37 * t) + 0.5 * std::cos(0.011 * t));
  }
  return volume;
}

/// nnU-Net v2's pass in its plainest form, voxel by voxel, for volumes of one channel.
class PlainPass {
 public:
  PlainPass(const Array<float>& volume, const SlidingWindowPlan& plan) : volume_(volume), plan_(plan) {
    const bool slices = plan.dim() == 2;
    for (std::size_t a = 0; a < 3; ++a) {
      patch_[a] = slices ? (a == 0 ? 1 : plan.patch[a - 1]) : plan.patch[a];
      size_[a] = volume.size(a + 1);
      padded_[a] = std::max(size_[a], patch_[a]);
      before_[a] = (padded_[a] - size_[a]) / 2;
      starts_[a] = window_starts(padded_[a], patch_[a], plan.overlap, plan.starts);
    }
    if (slices) {
      starts_[0].clear();
      for (std::int64_t z = 0; z < size_[0]; ++z) starts_[0].push_back(z);
    }
  }

  /// Logits (K,D,H,W) of one network.
  std::vector<float> logits(const Toy& network) {
    const Array<float> weights = window_weights(plan_);
    std::vector<float> sum(static_cast<std::size_t>(kClasses * volume(padded_)), 0.0F);
    std::vector<float> count(static_cast<std::size_t>(volume(padded_)), 0.0F);
    for (const auto z : starts_[0])
      for (const auto y : starts_[1])
        for (const auto x : starts_[2]) {
          const auto window = mirrored_mean(network, cut({z, y, x}));
          std::size_t i = 0;
          for (std::int64_t k = 0; k < kClasses; ++k)
            for_window({z, y, x}, [&](std::size_t at) {
              const float weight = weights.values[i % weights.values.size()];
              float& to = sum[static_cast<std::size_t>(k * volume(padded_)) + at];
              const float product = window[i++] * weight;
              to = rounded(to + product, plan_.sums);
              if (k == 0) count[at] = rounded(count[at] + weight, plan_.sums);
            });
        }
    std::vector<float> result;
    for (std::int64_t k = 0; k < kClasses; ++k)
      for (std::int64_t z = 0; z < size_[0]; ++z)
        for (std::int64_t y = 0; y < size_[1]; ++y)
          for (std::int64_t x = 0; x < size_[2]; ++x) {
            const std::size_t at = index({z + before_[0], y + before_[1], x + before_[2]});
            result.push_back(rounded(sum[static_cast<std::size_t>(k * volume(padded_)) + at] / count[at], plan_.sums));
          }
    return result;
  }

 private:
  static std::int64_t volume(const Shape3& s) { return s[0] * s[1] * s[2]; }
  std::size_t index(const Shape3& at) const {
    return static_cast<std::size_t>((at[0] * padded_[1] + at[1]) * padded_[2] + at[2]);
  }
  template <class Body>
  void for_window(const Shape3& start, const Body& body) const {
    for (std::int64_t z = 0; z < patch_[0]; ++z)
      for (std::int64_t y = 0; y < patch_[1]; ++y)
        for (std::int64_t x = 0; x < patch_[2]; ++x) body(index({start[0] + z, start[1] + y, start[2] + x}));
  }
  std::vector<float> cut(const Shape3& start) const {
    std::vector<float> window;
    for (std::int64_t z = 0; z < patch_[0]; ++z)
      for (std::int64_t y = 0; y < patch_[1]; ++y)
        for (std::int64_t x = 0; x < patch_[2]; ++x) {
          const Shape3 at{start[0] + z - before_[0], start[1] + y - before_[1], start[2] + x - before_[2]};
          bool inside = true;
          for (std::size_t a = 0; a < 3; ++a) inside &= at[a] >= 0 && at[a] < size_[a];
          window.push_back(
              inside ? volume_.values[static_cast<std::size_t>((at[0] * size_[1] + at[1]) * size_[2] + at[2])] : 0.0F);
        }
    return window;
  }
  std::vector<float> mirrored(const std::vector<float>& values, const std::vector<int>& axes) const {
    std::vector<float> result(values.size());
    const std::int64_t slab = volume(patch_);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(values.size()); ++i) {
      Shape3 at{i % slab / (patch_[1] * patch_[2]), i / patch_[2] % patch_[1], i % patch_[2]};
      for (const int axis : axes) {
        const auto a = static_cast<std::size_t>(axis + 3 - plan_.dim());
        at[a] = patch_[a] - 1 - at[a];
      }
      result[static_cast<std::size_t>(i)] =
          values[static_cast<std::size_t>(i / slab * slab + (at[0] * patch_[1] + at[1]) * patch_[2] + at[2])];
    }
    return result;
  }
  std::vector<float> forward(const Toy& network, const std::vector<float>& window) const {
    std::vector<float> logits;
    for (std::int64_t k = 0; k < kClasses; ++k)
      for (std::size_t i = 0; i < window.size(); ++i)
        logits.push_back(
            network(window.data(), k, static_cast<std::int64_t>(i), static_cast<std::int64_t>(window.size())));
    return logits;
  }
  std::vector<float> mirrored_mean(const Toy& network, const std::vector<float>& window) const {
    std::vector<float> sum = forward(network, window);
    if (!plan_.mirror) return sum;
    const auto& axes = plan_.mirror_axes;
    std::vector<std::vector<int>> combinations;
    for (const int a : axes) combinations.push_back({a});
    for (const int a : axes)
      for (const int b : axes)
        if (a < b) combinations.push_back({a, b});
    if (axes.size() == 3) combinations.push_back(axes);
    for (const auto& combination : combinations) {
      const auto next = mirrored(forward(network, mirrored(window, combination)), combination);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += next[i];
    }
    for (float& v : sum) v /= static_cast<float>(combinations.size() + 1);
    return sum;
  }

  const Array<float>& volume_;
  const SlidingWindowPlan& plan_;
  Shape3 patch_{}, size_{}, padded_{}, before_{};
  std::array<Sizes, 3> starts_;
};

/// Of several networks: added and divided in float16.
std::vector<float> plain_logits(const Array<float>& volume, const SlidingWindowPlan& plan,
                                const std::vector<Toy>& networks) {
  std::vector<float> sum = PlainPass(volume, plan).logits(networks.front());
  if (networks.size() == 1) return sum;
  for (std::size_t n = 1; n < networks.size(); ++n) {
    const auto next = PlainPass(volume, plan).logits(networks[n]);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = rounded(sum[i] + next[i], plan.sums);
  }
  for (float& v : sum) v = rounded(v / static_cast<float>(networks.size()), plan.sums);
  return sum;
}

struct PassResult {
  std::vector<float> logits;
  WindowReport report;
  std::int64_t seen = 0;  ///< windows by the networks
};

PassResult run(const Array<float>& volume, const WindowOptions& options, const std::vector<Toy>& networks) {
  PassResult result;
  std::vector<ForwardFunction> forwards;
  for (const Toy& network : networks) forwards.push_back(network_of(network, result.seen));
  const auto lane = make_cpu_lane(forwards);
  LogitVolume whole;
  result.report = stream_windows(volume, *lane, options, {&whole});
  result.logits = whole.logits().values;
  return result;
}

struct Case {
  Sizes shape, patch;
  double step;
  std::vector<int> mirror_axes;
};

class HalfSums : public testing::TestWithParam<Case> {};

TEST_P(HalfSums, EqualThePlainWay) {
  const auto& [shape, patch, step, axes] = GetParam();
  const Array<float> volume = formula_volume(shape);
  const test::TempFolder folder;
  for (const std::size_t folds : {std::size_t{1}, std::size_t{3}}) {
    std::vector<Toy> networks{toy(1.0F), toy(-3.1F), toy(40.0F)};
    networks.resize(folds);
    WindowOptions options{v2_plan(patch, step, axes)};
    const auto expected = plain_logits(volume, options.plan, networks);
    for (const std::int64_t batch : {1, 4}) {
      options.batch_size = batch;
      for (const bool in_file : {false, true}) {
        options.scratch = in_file ? folder.path() : std::filesystem::path();
        EXPECT_EQ(run(volume, options, networks).logits, expected) << folds << " " << batch << " " << in_file;
      }
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

INSTANTIATE_TEST_SUITE_P(Shapes, HalfSums,
                         testing::Values(Case{{1, 9, 14, 11}, {4, 6, 5}, 0.5, {}},
                                         Case{{1, 9, 14, 11}, {4, 6, 5}, 0.5, {0, 1, 2}},
                                         Case{{1, 9, 14, 21}, {4, 6, 9}, 0.25, {1}},
                                         Case{{1, 9, 7, 11}, {4, 6, 5}, 1.0, {0, 2}},
                                         Case{{1, 3, 5, 4}, {6, 6, 7}, 0.5, {0, 1}},  // smaller than the patch
                                         Case{{1, 2, 14, 4}, {5, 6, 5}, 0.5, {}},     // in two axes
                                         Case{{1, 3, 14, 11}, {6, 5}, 0.5, {0, 1}},   // slices
                                         Case{{1, 2, 4, 40}, {6, 33}, 0.5, {}}));

TEST(V2Windows, ThreadsChangeNothing) {
  const Array<float> volume = formula_volume({1, 13, 30, 40});
  const WindowOptions options{v2_plan({8, 16, 24}, 0.5, {0, 1, 2})};
  const int threads = omp_get_max_threads();
  const auto many = run(volume, options, {toy(1.0F), toy(2.0F)}).logits;
  omp_set_num_threads(1);
  const auto one = run(volume, options, {toy(1.0F), toy(2.0F)}).logits;
  omp_set_num_threads(threads);
  EXPECT_EQ(one, many);
}

TEST(V2Windows, PreciseIsTheSameWithoutRounding) {
  const Array<float> volume = formula_volume({1, 9, 14, 11});
  WindowOptions options{v2_plan({4, 6, 5}, 0.5, {0, 1, 2})};
  options.plan.sums = SumType::fp32;
  const std::vector<Toy> networks{toy(1.0F), toy(0.5F)};
  const auto precise = run(volume, options, networks).logits;
  const auto expected = plain_logits(volume, options.plan, networks);
  ASSERT_EQ(precise.size(), expected.size());
  for (std::size_t i = 0; i < precise.size(); ++i) ASSERT_NEAR(precise[i], expected[i], 1e-5);
}

TEST(V2Windows, LogitsTooLargeForFloat16AreAnError) {
  const Array<float> volume = formula_volume({1, 9, 14, 11});
  WindowOptions options{v2_plan({4, 6, 5}, 0.5, {})};
  EXPECT_THROW(run(volume, options, {toy(1e5F)}), Error);
  EXPECT_THROW(run(volume, options, {toy(std::nanf(""))}), Error);
  options.plan.sums = SumType::fp32;
  EXPECT_NO_THROW(run(volume, options, {toy(1e5F)}));
}

/// Interleaved logits (a voxel's classes side by side), in float32 or bfloat16.
ForwardFunction other_layout(const Toy& one, bool bf16, std::int64_t& seen) {
  return [network = network_of(one, seen), bf16](const WindowBatch& windows) {
    const Logits plain = network(windows);
    const std::int64_t count = plain.strides[1], batches = plain.shape[0];
    const auto* from = static_cast<const float*>(plain.values);
    auto memory = std::make_shared<std::vector<float>>(static_cast<std::size_t>(batches * count * kClasses));
    auto* narrow = reinterpret_cast<std::uint16_t*>(memory->data());
    for (std::int64_t n = 0; n < batches; ++n)
      for (std::int64_t k = 0; k < kClasses; ++k)
        for (std::int64_t i = 0; i < count; ++i) {
          const float value = from[(n * kClasses + k) * count + i];
          const auto to = static_cast<std::size_t>((n * count + i) * kClasses + k);
          if (bf16)
            narrow[to] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
          else
            (*memory)[to] = value;
        }
    Logits logits = plain;
    logits.values = memory->data();
    logits.bf16 = bf16;
    logits.memory = memory;
    for (std::size_t a = 2; a < logits.strides.size(); ++a) logits.strides[a] *= kClasses;
    logits.strides[1] = 1;
    return logits;
  };
}

TEST(V2Windows, LayoutsOfLogitsChangeNothing) {
  const Array<float> volume = formula_volume({1, 7, 9, 150});
  const auto cut = [](const Toy& one) -> Toy {  // to what bfloat16 has
    return [one](const float* w, std::int64_t k, std::int64_t i, std::int64_t n) {
      return std::bit_cast<float>(std::bit_cast<std::uint32_t>(one(w, k, i, n)) & 0xffff0000U);
    };
  };
  for (const std::vector<int>& axes : {std::vector<int>{}, std::vector<int>{0, 2}})
    for (const bool bf16 : {false, true}) {
      const Toy network = bf16 ? cut(toy(1.0F)) : toy(1.0F);
      const WindowOptions options{v2_plan({4, 6, 100}, 0.5, axes)};
      std::int64_t seen = 0;
      const auto lane = make_cpu_lane({other_layout(network, bf16, seen)});
      LogitVolume whole;
      stream_windows(volume, *lane, options, {&whole});
      EXPECT_EQ(whole.logits().values, run(volume, options, {network}).logits);
    }
}

TEST(ConstantWindows, AreComputedOnceAValue) {
  Array<float> volume = formula_volume({1, 24, 30, 20});
  for (std::int64_t z = 0; z < 24; ++z)
    for (std::int64_t y = 0; y < 30; ++y)
      for (std::int64_t x = 0; x < 20; ++x) {
        float& v = volume.values[static_cast<std::size_t>((z * 30 + y) * 20 + x)];
        if (z < 12) v = -1.5F;
        if (z >= 20) v = 2.5F;
      }
  for (const bool volume_mirrored : {false, true})
    for (const std::int64_t batch : {1, 3, 64}) {
      WindowOptions options{v2_plan({4, 6, 5}, 0.5, {0, 1, 2}), batch};
      if (volume_mirrored) {
        options = reference_windows({4, 6, 5}, 0.5, Blend::gaussian, batch, true);
      }
      const std::int64_t images = volume_mirrored ? 1 : 8;
      const PassResult once = run(volume, options, {toy(1.0F)});
      EXPECT_GT(once.report.constant_windows, once.report.windows / 3);
      EXPECT_EQ(once.seen, images * (once.report.windows - once.report.constant_windows)) << batch;
      // A second channel of noise that the network does not look at: no window is constant.
      Array<float> noisy({2, 24, 30, 20});
      std::ranges::copy(volume.values, noisy.values.begin());
      std::ranges::copy(formula_volume({1, 24, 30, 20}).values, noisy.values.begin() + volume.numel());
      const Toy first_channel = [](const float* w, std::int64_t k, std::int64_t i, std::int64_t n) {
        return toy(1.0F)(w, k, i, n);
      };
      const PassResult every = run(noisy, options, {first_channel});
      EXPECT_EQ(every.report.constant_windows, 0);
      EXPECT_EQ(every.seen, images * every.report.windows);
      EXPECT_EQ(once.logits, every.logits);
    }
}

TEST(ConstantWindows, PaddingAloneIsOne) {
  const Array<float> volume({1, 3, 20, 4});  // zeros
  const WindowOptions options{v2_plan({6, 6, 7}, 0.5, {}), 2};
  const PassResult zeros = run(volume, options, {toy(1.0F)});
  EXPECT_EQ(zeros.seen, 1);
  EXPECT_EQ(zeros.report.constant_windows, zeros.report.windows - 1);
  EXPECT_EQ(zeros.logits, plain_logits(volume, options.plan, {toy(1.0F)}));
}

/// The network of sliding_window.json as a checkpoint; weights are formulas (reference/README.md).
Checkpoint formula_checkpoint(const nlohmann::ordered_json& entry) {
  const auto& kwargs = entry.at("arch_kwargs");
  Checkpoint checkpoint;
  NetworkPlan& plan = checkpoint.plan;
  plan.dim = static_cast<int>(entry.at("patch").size());
  plan.n_class = kClasses;
  plan.kernels = kwargs.at("kernel_sizes").get<std::vector<Sizes>>();
  plan.strides = kwargs.at("strides").get<std::vector<Sizes>>();
  plan.filters = kwargs.at("features_per_stage").get<Sizes>();
  plan.encoder_blocks = kwargs.at("n_conv_per_stage").get<Sizes>();
  plan.decoder_blocks = kwargs.at("n_conv_per_stage_decoder").get<Sizes>();
  plan.conv_bias = plan.deep_supervision = true;
  plan.decoder_kernel = DecoderKernel::own;
  plan.naming = Naming::nnunet_v2;
  double k = 0;
  for (const auto& [name, sizes] : entry.at("parameters").items()) {
    const auto shape = sizes.get<Sizes>();
    std::vector<float> values;
    const std::int64_t count = Array<float>::count(shape);
    for (std::int64_t n = 0; n < count; ++n) {
      const auto i = static_cast<double>(n);
      double value = 0.1 * std::cos(i + k);
      if (shape.size() > 1)
        value = 0.6 * std::sin(0.7 * i + 1.3 * k) / std::sqrt(static_cast<double>(count / shape[0]));
      if (name.ends_with(".norm.weight")) value = 1 + 0.2 * std::sin(i + k);
      values.push_back(static_cast<float>(value) * (name == "decoder.seg_layers.1.weight" ? 8.0F : 1.0F));
    }
    checkpoint.state_dict.emplace_back(name, HostTensor(shape, values));
    k += 1;
  }
  return checkpoint;
}

class V2Reference : public testing::TestWithParam<std::string> {};

TEST_P(V2Reference, WholePasses) {
  NNUNET_NEEDS_SHARED("reference-v2/run");
  const test::Npz npz(test::shared_dir() / "reference-v2/run/sliding_window.npz");
  std::ifstream in(test::shared_dir() / "reference-v2/run/sliding_window.json");
  const auto entry = nlohmann::ordered_json::parse(in).at(GetParam());
  std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(make_engine(formula_checkpoint(entry), {}));
  int compared = 0;
  for (std::size_t v = 0; v < entry.at("volumes").size(); ++v)
    for (const std::string option : {"step0.5", "step0.5_tta", "step0.25"}) {
      const std::string name = GetParam() + "_v" + std::to_string(v) + "_" + option;
      const Array<float> expected = npz.load<float>(name);
      Sizes shape = entry.at("volumes")[v].get<Sizes>();
      shape.insert(shape.begin(), 1);
      const auto axes = option == "step0.5_tta" ? entry.at("mirror_axes").get<std::vector<int>>() : std::vector<int>{};
      const WindowOptions options{v2_plan(entry.at("patch").get<Sizes>(), option == "step0.25" ? 0.25 : 0.5, axes)};
      const auto lane = engines.front()->lane(engines, options.plan);
      LogitVolume whole;
      stream_windows(formula_volume(shape), *lane, options, {&whole});
      const Array<float>& logits = whole.logits();
      const std::int64_t z_stride = GetParam() == "3d" ? 2 : 1;
      std::size_t i = 0;
      std::int64_t beyond_one = 0;
      double worst = 0;
      for (std::int64_t k = 0; k < logits.size(0); ++k)
        for (std::int64_t z = 0; z < logits.size(1); z += z_stride)
          for (std::int64_t y = 0; y < logits.size(2); y += 2)
            for (std::int64_t x = 0; x < logits.size(3); x += 2, ++i) {
              const float got = logits.values[static_cast<std::size_t>(
                  ((k * logits.size(1) + z) * logits.size(2) + y) * logits.size(3) + x)];
              const double difference = std::abs(static_cast<double>(got) - static_cast<double>(expected.values.at(i)));
              const double step = std::ldexp(1.0, std::max(-24, std::ilogb(expected.values[i]) - 10));
              beyond_one += difference > step ? 1 : 0;
              worst = std::max(worst, difference);
            }
      EXPECT_EQ(i, expected.values.size());
      EXPECT_LE(worst, 0.03) << name;
      EXPECT_LE(static_cast<double>(beyond_one), 1e-3 * static_cast<double>(i)) << name;
      RecordProperty(name, std::to_string(worst) + " " + std::to_string(beyond_one) + " of " + std::to_string(i));
      ++compared;
    }
  EXPECT_EQ(compared, 6);
}

INSTANTIATE_TEST_SUITE_P(Networks, V2Reference, testing::Values("3d", "2d"));

}  // namespace
}  // namespace nnunet
