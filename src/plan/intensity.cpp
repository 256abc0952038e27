#include "nnunet/plan/intensity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

// Whole values that are counted in a table: what 16-bit images hold.
constexpr std::int64_t whole_low = -32768, whole_high = 65535;
constexpr std::size_t halves = std::size_t{1} << 16;

// Position of a percentile among n sorted values, as numpy's linear method.
struct Rank {
  std::int64_t low, high;
  double fraction;

  Rank(std::int64_t n, double q) {
    const double position = static_cast<double>(n - 1) * (q / 100.0);
    low = static_cast<std::int64_t>(std::floor(position));
    high = std::min(low + 1, n - 1);
    fraction = position - static_cast<double>(low);
  }
};

// numpy's interpolation, which starts from the nearer end.
double interpolate(double a, double b, double t) {
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

// The same where numpy keeps the two values and their difference in float32.
double interpolate_float32(double a, double b, double t) {
  const auto difference = static_cast<double>(static_cast<float>(b - a));
  return t < 0.5 ? a + difference * t : b - difference * (1 - t);
}

// A float's bits as a number that grows with its value, and back.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
double value_of(std::uint32_t key) {
  const std::uint32_t bits = (key & 0x80000000U) != 0 ? key & 0x7fffffffU : ~key;
  return static_cast<double>(std::bit_cast<float>(bits));
}
std::uint32_t upper(std::uint32_t key) {
  return key >> 16;
}
std::uint32_t lower(std::uint32_t key) {
  return key & 0xffffU;
}

bool is_whole(float v) {
  return v >= static_cast<float>(whole_low) && v <= static_cast<float>(whole_high) &&
         static_cast<float>(static_cast<std::int32_t>(v)) == v;
}

// The table's entry i as a value.
float whole_value(std::size_t i) {
  return static_cast<float>(static_cast<std::int64_t>(i) + whole_low);
}

template <class T>
void add_to(std::vector<T>& to, const std::vector<T>& from) {
  if (to.empty()) to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

double percentile(std::span<const double> sorted, double q) {
  const Rank rank(static_cast<std::int64_t>(sorted.size()), q);
  return interpolate(sorted[static_cast<std::size_t>(rank.low)], sorted[static_cast<std::size_t>(rank.high)],
                     rank.fraction);
}

void IntensityCounts::Bucket::merge(const Bucket& other) {
  count += other.count;
  sum += other.sum;
  squares += other.squares;
  least = std::min(least, other.least);
  most = std::max(most, other.most);
}

template <class Times>
void IntensityCounts::count_values(std::span<const float> values, const Times& times) {
  if (whole_.empty()) whole_.resize(static_cast<std::size_t>(whole_high - whole_low + 1));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t n = times(i);
    if (n == 0) continue;
    count_ += n;
    const float v = values[i];
    if (is_whole(v)) {
      whole_[static_cast<std::size_t>(static_cast<std::int32_t>(v) - whole_low)] += n;
      continue;
    }
    if (others_.empty()) others_.resize(halves);
    const std::uint32_t key = key_of(v);
    const std::uint64_t low = lower(key);
    others_[upper(key)].merge({n, low * n, low * low * n, lower(key), lower(key)});
  }
}

void IntensityCounts::add(std::span<const float> image, std::span<const std::uint8_t> label) {
  count_values(image, [&](std::size_t i) { return label[i] != 0 ? 1U : 0U; });
}
void IntensityCounts::add(std::span<const float> values, std::span<const std::uint32_t> times) {
  count_values(values, [&](std::size_t i) { return times[i]; });
}

void IntensityCounts::merge(const IntensityCounts& other) {
  add_to(whole_, other.whole_);
  if (others_.empty()) others_.resize(other.others_.size());
  for (std::size_t i = 0; i < other.others_.size(); ++i) others_[i].merge(other.others_[i]);
  for (const auto& [bucket, counts] : other.lower_) add_to(lower_[bucket], counts);
  count_ += other.count_;
}

bool IntensityCounts::needs_second_pass() {
  if (others_.empty() || count_ == 0) return false;
  for (const Place& place : places())
    if (others_[place.bucket].count > 0) lower_[place.bucket].resize(halves);
  return !lower_.empty();
}

IntensityCounts IntensityCounts::second_pass_part() const {
  IntensityCounts part(percentiles_);
  for (const auto& [bucket, counts] : lower_) part.lower_[bucket].resize(counts.size());
  return part;
}

template <class Times>
void IntensityCounts::count_values_again(std::span<const float> values, const Times& times) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t n = times(i);
    if (n == 0 || is_whole(values[i])) continue;
    const std::uint32_t key = key_of(values[i]);
    const auto bucket = lower_.find(upper(key));
    if (bucket != lower_.end()) bucket->second[lower(key)] += n;
  }
}

void IntensityCounts::add_again(std::span<const float> image, std::span<const std::uint8_t> label) {
  count_values_again(image, [&](std::size_t i) { return label[i] != 0 ? 1U : 0U; });
}
void IntensityCounts::add_again(std::span<const float> values, std::span<const std::uint32_t> times) {
  count_values_again(values, [&](std::size_t i) { return times[i]; });
}

// Where the values lie that the percentiles are interpolated between: two for each percentile.
std::vector<IntensityCounts::Place> IntensityCounts::places() const {
  std::vector<std::int64_t> in_bucket(halves);
  for (std::size_t i = 0; i < whole_.size(); ++i) in_bucket[upper(key_of(whole_value(i)))] += whole_[i];
  for (std::size_t i = 0; i < others_.size(); ++i) in_bucket[i] += others_[i].count;
  std::vector<Place> found;
  for (const double q : percentiles_) {
    const Rank position(count_, q);
    for (std::int64_t rank : {position.low, position.high}) {
      std::uint32_t bucket = 0;
      while (rank >= in_bucket[bucket]) rank -= in_bucket[bucket++];
      found.push_back({bucket, rank});
    }
  }
  return found;
}

double IntensityCounts::value_at(const Place& place) const {
  std::vector<std::pair<double, std::int64_t>> values;
  for (std::size_t i = 0; i < whole_.size(); ++i)
    if (whole_[i] > 0 && upper(key_of(whole_value(i))) == place.bucket)
      values.emplace_back(static_cast<double>(whole_value(i)), whole_[i]);
  if (const auto fine = lower_.find(place.bucket); fine != lower_.end())
    for (std::size_t i = 0; i < halves; ++i)
      if (fine->second[i] > 0)
        values.emplace_back(value_of(place.bucket << 16 | static_cast<std::uint32_t>(i)), fine->second[i]);
  std::sort(values.begin(), values.end());
  std::int64_t rank = place.rank;
  for (const auto& [value, times] : values) {
    if (rank < times) return value;
    rank -= times;
  }
  throw Error("intensities", "the second pass was left out");
}

bool IntensityCounts::is_constant() const {
  const auto wholes = std::count_if(whole_.begin(), whole_.end(), [](std::int64_t n) { return n > 0; });
  const auto others = std::count_if(others_.begin(), others_.end(), [](const Bucket& b) { return b.count > 0; });
  return wholes + others == 1 &&
         std::all_of(others_.begin(), others_.end(), [](const Bucket& b) { return b.count == 0 || b.least == b.most; });
}

IntensityCounts::Moments IntensityCounts::moments() const {
  // A bucket's values are start + step * lower half.
  struct Line {
    double start, step, count, sum, squares;
  };
  std::vector<Line> lines;
  for (std::size_t i = 0; i < whole_.size(); ++i)
    if (whole_[i] > 0) lines.push_back({static_cast<double>(whole_value(i)), 0, static_cast<double>(whole_[i]), 0, 0});
  for (std::size_t i = 0; i < others_.size(); ++i) {
    if (others_[i].count == 0) continue;
    const auto first = static_cast<std::uint32_t>(i) << 16;
    lines.push_back({value_of(first), value_of(first | 1U) - value_of(first), static_cast<double>(others_[i].count),
                     static_cast<double>(others_[i].sum), static_cast<double>(others_[i].squares)});
  }
  const auto n = static_cast<double>(count_);
  double sum = 0, squares = 0;
  for (const Line& l : lines) sum += l.start * l.count + l.step * l.sum;
  const double mean = sum / n;
  for (const Line& l : lines) {
    const double d = l.start - mean;
    squares += d * d * l.count + 2 * d * l.step * l.sum + l.step * l.step * l.squares;
  }
  return {mean, std::sqrt(squares / n)};
}

std::pair<double, double> IntensityCounts::extremes() const {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  const auto meet = [&](double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  };
  for (std::size_t i = 0; i < whole_.size(); ++i)
    if (whole_[i] > 0) meet(static_cast<double>(whole_value(i)));
  for (std::size_t i = 0; i < others_.size(); ++i) {
    if (others_[i].count == 0) continue;
    const auto first = static_cast<std::uint32_t>(i) << 16;
    meet(value_of(first | others_[i].least));
    meet(value_of(first | others_[i].most));
  }
  return {least, most};
}

template <class Between>
std::vector<double> IntensityCounts::interpolated(const Between& between) const {
  const std::vector<Place> place = places();
  std::vector<double> values;
  for (std::size_t q = 0; q < percentiles_.size(); ++q)
    values.push_back(
        between(value_at(place[2 * q]), value_at(place[2 * q + 1]), Rank(count_, percentiles_[q]).fraction));
  return values;
}

IntensitySummary IntensityCounts::summary() const {
  if (count_ == 0) throw Error("intensities", "there is none to be counted");
  const Moments m = moments();
  const auto [least, most] = extremes();
  return {m.mean, m.std, least, most, interpolated(interpolate_float32)};
}

CtStats IntensityCounts::stats() const {
  constexpr const char* remedy = "give the statistics with --ct_stats MIN MAX MEAN STD";
  if (count_ == 0) throw Error("CT statistics", "no training voxel has a label > 0", remedy);
  if (is_constant()) throw Error("CT statistics", "all training voxels with a label > 0 have the same value", remedy);
  const Moments m = moments();
  const std::vector<double> ends = interpolated(interpolate);
  return {ends.at(0), ends.at(1), m.mean, m.std};
}

}  // namespace nnunet
