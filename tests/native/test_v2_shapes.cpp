// Networks as nnU-Net v2 plans them, on every instruction set, beside their definition in double precision.
#include <gtest/gtest.h>
#include <omp.h>

#include <random>

#include "kernels/isas.h"
#include "native/plain_network.h"

namespace nnunet {
namespace {

struct Network {
  std::string name;
  NetworkPlan plan;
  std::vector<std::int64_t> patch;
};
void PrintTo(const Network& n, std::ostream* out) {
  *out << n.name;
}

NetworkPlan plan_of(int dim, int classes, const std::vector<std::int64_t>& filters) {
  const auto axes = static_cast<std::size_t>(dim);
  NetworkPlan p;
  p.dim = dim;
  p.n_class = classes;
  p.filters = filters;
  p.conv_bias = true;
  p.decoder_kernel = DecoderKernel::own;
  p.naming = Naming::nnunet_v2;
  for (std::size_t level = 0; level < filters.size(); ++level) {
    p.kernels.emplace_back(axes, 3);
    p.strides.emplace_back(axes, level == 0 ? 1 : 2);
  }
  p.encoder_blocks.assign(filters.size(), 2);
  p.decoder_blocks.assign(filters.size() - 1, 2);
  return p;
}

Network plain_3d() {
  return {"plain_3d", plan_of(3, 3, {16, 32, 40}), {8, 16, 20}};
}
Network many_classes() {
  return {"many_classes", plan_of(3, 118, {16, 24}), {6, 14, 18}};
}
Network plain_2d() {
  return {"plain_2d", plan_of(2, 2, {16, 32, 48, 48}), {48, 40}};
}
/// Pooled shortcuts, a stem, decoders of one convolution, two channels.
Network residual() {
  Network n{"residual", plan_of(3, 4, {16, 24, 33}), {8, 12, 16}};
  n.plan.in_channels = 2;
  n.plan.residual = n.plan.stem = true;
  n.plan.shortcut = Shortcut::pooling;
  n.plan.encoder_blocks = {1, 3, 2};
  n.plan.decoder_blocks = {1, 1};
  n.plan.strides.back() = {2, 2, 1};
  return n;
}
/// Thick slices: no kernel and no stride across them at first.
Network anisotropic() {
  Network n{"anisotropic", plan_of(3, 3, {12, 20, 20, 36}), {4, 24, 32}};
  for (const std::size_t level : {0, 1}) n.plan.kernels[level] = {1, 3, 3};
  for (const std::size_t level : {1, 3}) n.plan.strides[level] = {1, 2, 2};
  n.plan.decoder_blocks = {1, 2, 1};
  return n;
}

class V2Network : public testing::TestWithParam<Network> {
 protected:
  static constexpr std::int64_t kSamples = 2;

  V2Network() : graph_(network_graph(GetParam().plan).finest()), engine_(7) {
    for (const auto& p : network_parameters(graph_, plan().naming)) {
      std::int64_t count = 1;
      for (const std::int64_t s : p.shape) count *= s;
      const bool gain = p.name.ends_with("weight") && p.shape.size() == 1;
      const double spread = p.shape.size() == 1 ? 0.2 : 1.4 / std::sqrt(static_cast<double>(count / p.shape[0]));
      parameters_[p.name] = numbers(count, gain ? 1 : 0, spread);
      values_[p.name] = parameters_[p.name].data();
    }
    std::int64_t voxels = 1;
    for (const std::int64_t s : GetParam().patch) voxels *= s;
    images_ = numbers(kSamples * plan().in_channels * voxels, 0.5, 1);
    logits_.resize(static_cast<std::size_t>(kSamples * plan().n_class * voxels));
  }

  const NetworkPlan& plan() const { return GetParam().plan; }

  std::vector<float> numbers(std::int64_t count, double mean, double spread) {
    std::normal_distribution<float> normal(static_cast<float>(mean), static_cast<float>(spread));
    std::vector<float> v(static_cast<std::size_t>(count));
    for (float& x : v) x = normal(engine_);
    return v;
  }

  std::vector<double> expected() {
    test::PlainTensor x(kSamples, plan().in_channels, test::three_of(GetParam().patch, 1));
    x.values.assign(images_.begin(), images_.end());
    return test::PlainNetwork(plan(), graph_, parameters_).logits(std::move(x));
  }

  std::vector<float> run(const NativeOptions& options) {
    NativeNetwork network(plan(), graph_, kSamples, GetParam().patch, options);
    network.set_parameters(values_);
    network.forward(images_.data(), {logits_.data()});
    const std::vector<float> first = logits_;
    network.forward(images_.data(), {logits_.data()});  // what the first pass left in the memory does not matter
    EXPECT_EQ(first, logits_);
    return first;
  }

  NetworkGraph graph_;
  std::mt19937 engine_;
  test::PlainNetwork::Parameters parameters_;
  ParameterValues values_;
  std::vector<float> images_, logits_;
};

double largest_share(const std::vector<float>& found, const std::vector<double>& expected) {
  double scale = 0, most = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (std::size_t i = 0; i < expected.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(found[i]) - expected[i]));
  return most / scale;
}
/// Root mean square of the differences beside that of the values.
double distance(const std::vector<float>& found, const std::vector<double>& expected) {
  double off = 0, all = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    off += std::pow(static_cast<double>(found[i]) - expected[i], 2);
    all += expected[i] * expected[i];
  }
  return std::sqrt(off / all);
}

TEST_P(V2Network, LogitsAreTheDefinitions) {
  const std::vector<double> logits = expected();
  for (const Isa isa : test::isas())
    for (const bool large_tiles : {false, true}) {
      SCOPED_TRACE(std::string(isa_name(isa)) + (large_tiles ? ", large tiles" : ""));
      NativeOptions options;
      options.isa = isa;
      options.large_tiles = large_tiles;
      EXPECT_LT(largest_share(run(options), logits), 1e-5);
      // bf16 keeps 8 bits (2e-3), after some layers 1e-2.
      options.bf16 = true;
      EXPECT_LT(distance(run(options), logits), 0.05);
    }
}

TEST_P(V2Network, DigitsDoNotDependOnThreads) {
  const int before = omp_get_max_threads();
  for (const bool bf16 : {false, true}) {
    NativeOptions options;
    options.bf16 = bf16;
    options.large_tiles = true;
    omp_set_num_threads(1);
    const std::vector<float> one = run(options);
    for (const int threads : {2, 3}) {
      omp_set_num_threads(threads);
      EXPECT_EQ(run(options), one);
    }
  }
  omp_set_num_threads(before);
}

TEST_P(V2Network, SharedMemoryIsHeldOnce) {
  NativeOptions options;
  const std::vector<float> alone = run(options);
  options.memory = std::make_shared<NativeMemory>();
  EXPECT_EQ(run(options), alone);
  const std::int64_t once = options.memory->bytes();
  EXPECT_GT(once, 0);
  EXPECT_EQ(run(options), alone);  // another network
  EXPECT_EQ(options.memory->bytes(), once);
}

TEST_P(V2Network, TheForwardOfATrainingIsTheSame) {
  NativeOptions options;
  const std::vector<float> alone = run(options);
  options.gradients = true;
  EXPECT_EQ(run(options), alone);
}

INSTANTIATE_TEST_SUITE_P(Kinds, V2Network,
                         testing::Values(plain_3d(), many_classes(), plain_2d(), residual(), anisotropic()),
                         [](const auto& network) { return network.param.name; });

}  // namespace
}  // namespace nnunet
