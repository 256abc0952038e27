#include "nnunet/preprocess/normalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "nnunet/core/error.h"
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

// The same where mask is 1, and how many those are.
struct MaskedSums {
  Sums sums;
  double count = 0;
};

constexpr Vectorized add_up_masked = [](const float* values, const std::uint8_t* mask, std::size_t count, double centre,
                                        MaskedSums& result) NNUNET_INLINED {
  std::array<double, lanes> first{}, second{};
  std::int64_t counted = 0;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) {
      const double d = mask[i + l] != 0 ? static_cast<double>(values[i + l]) - centre : 0.0;
      first[l] += d;
      second[l] += d * d;
      counted += mask[i + l] != 0;
    }
  for (std::size_t l = 0; i < count; ++i, ++l) {
    const double d = mask[i] != 0 ? static_cast<double>(values[i]) - centre : 0.0;
    first[l] += d;
    second[l] += d * d;
    counted += mask[i] != 0;
  }
  result = {{std::accumulate(first.begin(), first.end(), 0.0), std::accumulate(second.begin(), second.end(), 0.0)},
            static_cast<double>(counted)};
};

MaskedSums masked_sums_about(std::span<const float> values, std::span<const std::uint8_t> mask, double centre,
                             int threads) {
  std::vector<MaskedSums> parts = one_each<MaskedSums>(values);
  for_parts(values, threads, [&](std::size_t p, std::span<const float> v) {
    add_up_masked(v.data(), mask.data() + p * part_size, v.size(), centre, parts[p]);
  });
  MaskedSums all;
  for (const MaskedSums& p : parts)
    all = {{all.sums.values + p.sums.values, all.sums.squares + p.sums.squares}, all.count + p.count};
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

constexpr Vectorized centre_and_scale_masked = [](float* values, const std::uint8_t* mask, std::size_t count,
                                                  double mean, double scale) NNUNET_INLINED {
  for (std::size_t i = 0; i < count; ++i) {
    const auto made = static_cast<float>((static_cast<double>(values[i]) - mean) * scale);
    values[i] = mask[i] != 0 ? made : values[i];
  }
};

constexpr Vectorized shift_and_divide = [](float* values, std::size_t count, float least, float divisor)
                                            NNUNET_INLINED {
                                              for (std::size_t i = 0; i < count; ++i)
                                                values[i] = (values[i] - least) / divisor;
                                            };

void normalize_rgb(const std::string& name, std::span<float> values, int threads) {
  const auto [least, most] = value_range(values, threads);
  if (least < 0 || most > 255)
    throw Error(name, fmt::format("the image holds values from {} to {}, but RGB channels hold 0 to 255", least, most),
                "check that this is the kind of image that the network was trained with");
  for_parts(values, threads,
            [](std::size_t, std::span<float> v) { shift_and_divide(v.data(), v.size(), 0.0F, 255.0F); });
}

// What values are multiplied by: constant ones are only centred.
double z_scale(bool constant, double variance, double least_std) {
  const double divisor = std::max(constant || !(variance > 0) ? 0.0 : std::sqrt(variance), least_std);
  return divisor > 0 ? 1.0 / divisor : 1.0;
}

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

void normalize_channel(const std::string& name, std::span<float> values, const ChannelNormalization& channel,
                       std::span<const std::uint8_t> mask, int threads) {
  switch (channel.scheme) {
    case NormalizationScheme::z_score:
      if (channel.use_mask && !mask.empty()) return normalize_z_score(values, mask, threads, channel.least_std);
      return normalize_z_score(values, threads, channel.least_std);
    case NormalizationScheme::ct:
      if (!channel.statistics)
        throw Error(name, "the intensity statistics of this CT task are not known",
                    "give MIN MAX MEAN STD as ct_stats when it is preprocessed, or as `ct` in config.json");
      return normalize_ct(values, *channel.statistics, threads, channel.least_std);
    case NormalizationScheme::none:
      return;
    case NormalizationScheme::rescale_0_1:
      return normalize_rescale_0_1(values, threads, channel.least_std);
    case NormalizationScheme::rgb_to_0_1:
      return normalize_rgb(name, values, threads);
  }
}

void normalize_ct(std::span<float> values, const CtStats& stats, int threads, double least_std) {
  const Range range{static_cast<float>(stats.min), static_cast<float>(stats.max)};
  const double divisor = std::max(stats.std, least_std);
  for_parts(values, threads,
            [&](std::size_t, std::span<float> v) { clip_and_scale(v.data(), v.size(), range, stats.mean, divisor); });
}

void normalize_z_score(std::span<float> values, int threads, double least_std) {
  if (values.empty()) return;
  const auto count = static_cast<double>(values.size());
  const auto first = static_cast<double>(values[0]);
  const Sums about_first = sums_about(values, first, threads);
  const double mean = first + about_first.values / count;
  const double variance = sums_about(values, mean, threads).squares / count;
  const double scale = z_scale(about_first.squares == 0, variance, least_std);
  for_parts(values, threads,
            [&](std::size_t, std::span<float> v) { centre_and_scale(v.data(), v.size(), mean, scale); });
}

void normalize_z_score(std::span<float> values, std::span<const std::uint8_t> mask, int threads, double least_std) {
  const auto counted = std::find_if(mask.begin(), mask.end(), [](std::uint8_t m) { return m != 0; });
  if (counted == mask.end()) return;
  const auto first = static_cast<double>(values[static_cast<std::size_t>(counted - mask.begin())]);
  const MaskedSums about_first = masked_sums_about(values, mask, first, threads);
  const double mean = first + about_first.sums.values / about_first.count;
  const double variance = masked_sums_about(values, mask, mean, threads).sums.squares / about_first.count;
  const double scale = z_scale(about_first.sums.squares == 0, variance, least_std);
  for_parts(values, threads, [&](std::size_t p, std::span<float> v) {
    centre_and_scale_masked(v.data(), mask.data() + p * part_size, v.size(), mean, scale);
  });
}

void normalize_rescale_0_1(std::span<float> values, int threads, double least_range) {
  const auto [least, most] = value_range(values, threads);
  const float range = std::max(most - least, static_cast<float>(least_range)), divisor = range > 0 ? range : 1.0F;
  for_parts(values, threads, [least = least, divisor](std::size_t, std::span<float> v) {
    shift_and_divide(v.data(), v.size(), least, divisor);
  });
}

}  // namespace nnunet
