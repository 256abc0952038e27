#include "nnunet/preprocess/normalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace nnunet {

namespace {

// Independent partial results, so that loops over them become vector instructions.
constexpr std::size_t lanes = 16;

// Sum of f(value) in double.
template <class F>
double sum_of(std::span<const float> values, const F& f) {
  std::array<double, lanes> part{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) part[l] += f(static_cast<double>(values[i + l]));
  for (; i < values.size(); ++i) part[0] += f(static_cast<double>(values[i]));
  return std::accumulate(part.begin(), part.end(), 0.0);
}

}  // namespace

std::pair<float, float> value_range(std::span<const float> values) {
  if (values.empty()) return {0.0F, 0.0F};
  std::array<float, lanes> least, most;
  least.fill(values[0]);
  most.fill(values[0]);
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      least[l] = std::min(least[l], values[i + l]);
      most[l] = std::max(most[l], values[i + l]);
    }
  for (; i < values.size(); ++i) {
    least[0] = std::min(least[0], values[i]);
    most[0] = std::max(most[0], values[i]);
  }
  return {*std::min_element(least.begin(), least.end()), *std::max_element(most.begin(), most.end())};
}

void normalize_ct(std::span<float> values, const CtStats& stats) {
  const auto least = static_cast<float>(stats.min), most = static_cast<float>(stats.max);
  const double mean = stats.mean, std = stats.std;
  for (float& v : values)
    v = static_cast<float>((static_cast<double>(std::min(std::max(v, least), most)) - mean) / std);
}

void normalize_z_score(std::span<float> values) {
  if (values.empty()) return;
  const auto count = static_cast<double>(values.size());
  const double mean = sum_of(values, [](double v) { return v; }) / count;
  const double variance = sum_of(values, [mean](double v) { return (v - mean) * (v - mean); }) / count;
  const auto [least, most] = value_range(values);
  const double scale = least < most && variance > 0 ? 1.0 / std::sqrt(variance) : 1.0;
  for (float& v : values) v = static_cast<float>((static_cast<double>(v) - mean) * scale);
}

}  // namespace nnunet
