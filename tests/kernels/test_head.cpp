#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>

#include "kernels/blocked_reference.h"
#include "kernels/isas.h"
#include "nnunet/kernels/head.h"

namespace nnunet::kernels {
namespace {

using test::Numbers;

constexpr std::int64_t kSamples = 2;
constexpr float kSlope = 0.1f;

struct Case {
  std::int64_t channels, classes;
  std::array<std::int64_t, 3> size;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.channels << " -> " << c.classes << ", " << test::volume_of(c.size) << " voxels";
}

class Head : public testing::TestWithParam<Case> {};

/// Everything that a head is given: features before their norm.
template <class T>
struct Layer {
  ConvSide side, plain;
  test::Side<T> features;
  Numbers<float> weights, bias, scale, shift;
  Source<T> source;

  explicit Layer(const Case& c)
      : side{c.channels, 0, c.size, false},
        plain{c.classes, 0, c.size, true},
        features(side, kSamples, 1),
        weights(test::random_numbers<float>(c.channels * c.classes, 2)),
        bias(test::random_numbers<float>(c.classes, 3)),
        scale(test::random_numbers<float>(kSamples * blocks_of(c.channels) * kBlock, 4)),
        shift(test::random_numbers<float>(kSamples * blocks_of(c.channels) * kBlock, 5)) {
    const std::int64_t row = blocks_of(c.channels) * kBlock;
    for (std::int64_t i = 0; i < kSamples * row; ++i)
      if (i % row >= c.channels) scale[static_cast<std::size_t>(i)] = shift[static_cast<std::size_t>(i)] = 0;
    source.x = features.view(0);
    source.scale = scale.data();
    source.shift = shift.data();
    source.slope = kSlope;
  }

  /// By the definition, in double precision.
  std::vector<double> logits() {
    const std::int64_t channels = side.channels, classes = plain.channels, voxels = test::volume_of(side.size),
                       row = blocks_of(channels) * kBlock;
    const std::vector<double> x = features.values();
    std::vector<double> y;
    for (std::int64_t n = 0; n < kSamples; ++n)
      for (std::int64_t k = 0; k < classes; ++k)
        for (std::int64_t v = 0; v < voxels; ++v) {
          auto sum = static_cast<double>(bias[static_cast<std::size_t>(k)]);
          for (std::int64_t c = 0; c < channels; ++c) {
            const auto s = static_cast<std::size_t>(n * row + c);
            double z = x[static_cast<std::size_t>((n * channels + c) * voxels + v)] * static_cast<double>(scale[s]) +
                       static_cast<double>(shift[s]);
            if (z < 0) z *= static_cast<double>(kSlope);
            sum += z * static_cast<double>(weights[static_cast<std::size_t>(k * channels + c)]);
          }
          y.push_back(sum);
        }
    return y;
  }

  test::Side<float> head(Isa isa, ConvWorkspace& workspace) {
    test::Side<float> y(plain, kSamples, 6);
    HeadConv<T> head(side.channels, plain.channels, isa);
    head.set_weights(weights.data());
    head.run(source, bias.data(), y.plain(), workspace);
    return y;
  }
  test::Side<float> direct(Isa isa, ConvWorkspace& workspace) {
    test::Side<float> y(plain, kSamples, 7);
    ConvShape shape;
    shape.samples = kSamples;
    shape.fine = side;
    shape.coarse = plain;
    DirectConv<T> conv(shape, DirectConv<T>::Direction::to_coarse, isa);
    conv.set_weights(weights.data());
    Input<T> input;
    input.first = source;
    conv.run(input, bias.data(), y.plain(), workspace);
    return y;
  }
};

template <class T>
void check(const Case& c, Isa isa) {
  Layer<T> layer(c);
  ConvWorkspace workspace;
  const double bound = std::is_same_v<T, float> ? 3e-6 : 1.2e-2;
  const std::vector<double> found = layer.head(isa, workspace).values();
  EXPECT_LT(test::deviation_of(found, layer.logits()), bound);
  EXPECT_EQ(found, layer.direct(isa, workspace).values());
  layer.source = {layer.source.x};  // no norm before it
  EXPECT_EQ(layer.head(isa, workspace).values(), layer.direct(isa, workspace).values());
}

TEST_P(Head, MeetsTheDefinitionWithTheDigitsOfTheDirectConvolution) {
  for (const Isa isa : test::isas()) {
    SCOPED_TRACE(isa_name(isa));
    check<float>(GetParam(), isa);
    check<Bfloat16>(GetParam(), isa);
  }
}

TEST_P(Head, DigitsDoNotDependOnThreads) {
  Layer<float> layer(GetParam());
  ConvWorkspace workspace;
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const std::vector<double> expected = layer.head(chosen_isa(), workspace).values();
  for (int threads = 2; threads <= 4; ++threads) {
    omp_set_num_threads(threads);
    EXPECT_EQ(layer.head(chosen_isa(), workspace).values(), expected);
  }
  omp_set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Cases, Head,
                         testing::Values(Case{1, 1, {1, 1, 1}}, Case{32, 3, {9, 12, 20}}, Case{16, 118, {4, 8, 16}},
                                         Case{20, 7, {3, 5, 17}}, Case{33, 13, {1, 40, 41}}, Case{320, 2, {2, 3, 43}},
                                         Case{64, 25, {8, 8, 8}}));

}  // namespace
}  // namespace nnunet::kernels
