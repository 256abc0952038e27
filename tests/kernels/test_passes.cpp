#include <gtest/gtest.h>

#include "kernels/blocked_reference.h"
#include "kernels/isas.h"
#include "kernels/numbers.h"
#include "nnunet/kernels/passes.h"

namespace nnunet::kernels {
namespace {

using test::Numbers;

const ConvSide kSide{35, 0, {3, 5, 49}, false};
constexpr std::int64_t kSamples = 2, kRow = 48;
constexpr float kSlope = 0.1f;

/// (N, 48), zeros beyond the channels.
Numbers<float> rows(std::uint32_t seed) {
  Numbers<float> values = test::random_numbers<float>(kSamples * kRow, seed);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (i % kRow >= 35) values[i] = 0;
  return values;
}

template <class T>
void check(Isa isa) {
  test::Side<T> x(kSide, kSamples, 1), with(kSide, kSamples, 2), g(kSide, kSamples, 3), y(kSide, kSamples, 4);
  const Numbers<float> scale = rows(5), shift = rows(6), with_scale = rows(7), rstd = rows(8), offset = rows(9),
                       with_rstd = rows(10), with_offset = rows(11);
  Source<T> source;
  source.x = x.view(0);
  source.scale = scale.data();
  source.shift = shift.data();
  source.slope = kSlope;
  source.with = with.view(0).data;
  source.with_scale = with_scale.data();

  const std::vector<double> a = x.values(), b = with.values(), before = g.values();
  std::vector<double> expected(a.size()), gradient(a.size()), sums(kSamples * kRow * 2), with_sums(sums.size());
  const std::int64_t voxels = test::volume_of(kSide.size);
  const auto d = [](const Numbers<float>& v, std::size_t i) { return static_cast<double>(v[i]); };
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t plane = i / static_cast<std::size_t>(voxels), k = plane / 35 * kRow + plane % 35;
    const double z = a[i] * d(scale, k) + b[i] * d(with_scale, k) + d(shift, k);
    expected[i] = z < 0 ? static_cast<double>(kSlope) * z : z;
    gradient[i] = z < 0 ? static_cast<double>(kSlope) * before[i] : before[i];
    sums[2 * k] += gradient[i];
    sums[2 * k + 1] += gradient[i] * (a[i] * d(rstd, k) + d(offset, k));
    with_sums[2 * k] += gradient[i];
    with_sums[2 * k + 1] += gradient[i] * (b[i] * d(with_rstd, k) + d(with_offset, k));
  }

  apply(source, y.view(0), isa);
  EXPECT_LT(test::deviation_of(y.values(), expected), test::rounding<T>());
  EXPECT_TRUE(y.rest_is_zero());

  std::vector<double> found(sums.size()), with_found(sums.size());
  SumGradient<T> s;
  s.sum = source;
  s.g = g.view(0);
  s.rstd = rstd.data();
  s.offset = offset.data();
  s.with_rstd = with_rstd.data();
  s.with_offset = with_offset.data();
  s.sums = found.data();
  s.with_sums = with_found.data();
  sum_gradient(s, isa);
  // The sums of what stands before the rounding to T.
  EXPECT_LT(test::deviation_of(g.values(), gradient), test::rounding<T>());
  EXPECT_LT(test::deviation_of(found, sums), 3e-6);
  EXPECT_LT(test::deviation_of(with_found, with_sums), 3e-6);

  const std::vector<double> first = y.values(), second = g.values();
  accumulate<T>(g.view(0), y.view(0));
  std::vector<double> both(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) both[i] = first[i] + second[i];
  EXPECT_LT(test::deviation_of(y.values(), both), test::rounding<T>());
}

TEST(Passes, MatchDoublePrecision) {
  for (const Isa isa : test::isas()) {
    SCOPED_TRACE(isa_name(isa));
    check<float>(isa);
    check<Bfloat16>(isa);
  }
}

}  // namespace
}  // namespace nnunet::kernels
