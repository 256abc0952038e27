#include "nnunet/preprocess/normalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "nnunet/core/parallel.h"
#include "nnunet/core/vectorized.h"

namespace nnunet {

namespace {

// Independent partial results, so that loops over them become vector instructions.
constexpr std::size_t lanes = 32;
// Values that one thread takes at a time; partial sums are of these, however many threads there are.
constexpr std::size_t part_size = std::size_t{1} << 19;

// Calls body(part, values of the part) for every part.
template <class T, class Body>
void for_parts(std::span<T> values, int threads, const Body& body) {
  const std::size_t parts = (values.size() + part_size - 1) / part_size;
  parallel_for(static_cast<std::int64_t>(parts), threads, [&](std::int64_t i) {
    const auto part = static_cast<std::size_t>(i), first = part * part_size;
    body(part, values.subspan(first, std::min(part_size, values.size() - first)));
  });
}

template <class T>
std::vector<T> one_each(std::span<const float> values) {
  return std::vector<T>((values.size() + part_size - 1) / part_size);
}

struct Range {
  float least, most;
};

constexpr Vectorized find_range = [](const float* values, std::size_t count, Range& range) NNUNET_INLINED {
  std::array<float, lanes> least, most;
  least.fill(values[0]);
  most.fill(values[0]);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      least[l] = std::min(least[l], values[i + l]);
      most[l] = std::max(most[l], values[i + l]);
    }
  for (std::size_t l = 0; i < count; ++i, ++l) {
    least[l] = std::min(least[l], values[i]);
    most[l] = std::max(most[l], values[i]);
  }
  range = {*std::min_element(least.begin(), least.end()), *std::max_element(most.begin(), most.end())};
};

// Sums of the values and of their squared distances from a centre.
struct Sums {
  double values = 0, squares = 0;
};

constexpr Vectorized add_up = [](const float* values, std::size_t count, double centre, Sums& sums) NNUNET_INLINED {
  std::array<double, lanes> first{}, second{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const double d = static_cast<double>(values[i + l]) - centre;
      first[l] += d;
      second[l] += d * d;
    }
  for (std::size_t l = 0; i < count; ++i, ++l) {
    const double d = static_cast<double>(values[i]) - centre;
    first[l] += d;
    second[l] += d * d;
  }
  sums = {std::accumulate(first.begin(), first.end(), 0.0), std::accumulate(second.begin(), second.end(), 0.0)};
};

Sums sums_about(std::span<const float> values, double centre, int threads) {
  std::vector<Sums> parts = one_each<Sums>(values);
  for_parts(values, threads,
            [&](std::size_t p, std::span<const float> v) { add_up(v.data(), v.size(), centre, parts[p]); });
  Sums all;
  for (const Sums& p : parts) all = {all.values + p.values, all.squares + p.squares};
  return all;
}

constexpr Vectorized clip_and_scale = [](float* values, std::size_t count, Range range, double mean,
                                         double std) NNUNET_INLINED {
  for (std::size_t i = 0; i < count; ++i) {
    const float inside = std::min(std::max(values[i], range.least), range.most);
    values[i] = static_cast<float>((static_cast<double>(inside) - mean) / std);
  }
};

constexpr Vectorized centre_and_scale = [](float* values, std::size_t count, double mean, double scale) NNUNET_INLINED {
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((static_cast<double>(values[i]) - mean) * scale);
};

}  // namespace

std::pair<float, float> value_range(std::span<const float> values, int threads) {
  if (values.empty()) return {0.0F, 0.0F};
  std::vector<Range> parts = one_each<Range>(values);
  for_parts(values, threads,
            [&](std::size_t p, std::span<const float> v) { find_range(v.data(), v.size(), parts[p]); });
  Range all = parts[0];
  for (const Range& p : parts) all = {std::min(all.least, p.least), std::max(all.most, p.most)};
  return {all.least, all.most};
}

void normalize_ct(std::span<float> values, const CtStats& stats, int threads) {
  const Range range{static_cast<float>(stats.min), static_cast<float>(stats.max)};
  for_parts(values, threads,
            [&](std::size_t, std::span<float> v) { clip_and_scale(v.data(), v.size(), range, stats.mean, stats.std); });
}

void normalize_z_score(std::span<float> values, int threads) {
  if (values.empty()) return;
  const auto count = static_cast<double>(values.size());
  const auto first = static_cast<double>(values[0]);
  const Sums about_first = sums_about(values, first, threads);
  const double mean = first + about_first.values / count;
  const double variance = sums_about(values, mean, threads).squares / count;
  const bool constant = about_first.squares == 0;
  const double scale = !constant && variance > 0 ? 1.0 / std::sqrt(variance) : 1.0;
  for_parts(values, threads,
            [&](std::size_t, std::span<float> v) { centre_and_scale(v.data(), v.size(), mean, scale); });
}

}  // namespace nnunet
