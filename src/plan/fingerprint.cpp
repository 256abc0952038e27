#include "nnunet/plan/fingerprint.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

namespace {

// Whole values that are counted in a table: what 16-bit images hold.
constexpr std::int64_t whole_low = -32768, whole_high = 65535;

constexpr double anisotropy_threshold = 3;  // nnU-Net's (Isensee et al., Nature Methods 18, 2021)

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

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

double percentile(std::span<const double> sorted, double q) {
  const Rank rank(static_cast<std::int64_t>(sorted.size()), q);
  return interpolate(sorted[static_cast<std::size_t>(rank.low)], sorted[static_cast<std::size_t>(rank.high)],
                     rank.fraction);
}

Spacing3 target_spacing(const std::vector<Spacing3>& spacings) {
  if (spacings.empty())
    throw Error("target spacing", "there is no training image to take it from", "give it with --spacing");
  std::array<std::vector<double>, 3> by_axis;
  Spacing3 target{};
  for (std::size_t a = 0; a < 3; ++a) {
    for (const Spacing3& s : spacings) by_axis[a].push_back(s[a]);
    target[a] = median(by_axis[a]);
  }
  const auto coarsest = std::max_element(target.begin(), target.end());
  if (*coarsest / *std::min_element(target.begin(), target.end()) >= anisotropy_threshold) {
    auto& values = by_axis[static_cast<std::size_t>(coarsest - target.begin())];
    std::sort(values.begin(), values.end());
    *coarsest = percentile(values, 10);
  }
  return target;
}

void IntensityCounts::add(std::span<const float> image, std::span<const std::uint8_t> label) {
  if (whole_.empty()) whole_.assign(static_cast<std::size_t>(whole_high - whole_low + 1), 0);
  std::vector<float> others;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (label[i] == 0) continue;
    const float v = image[i];
    ++count_;
    if (v >= static_cast<float>(whole_low) && v <= static_cast<float>(whole_high)) {
      const auto whole = static_cast<std::int32_t>(v);
      if (static_cast<float>(whole) == v) {
        ++whole_[static_cast<std::size_t>(whole - whole_low)];
        continue;
      }
    }
    others.push_back(v);
  }
  std::sort(others.begin(), others.end());
  std::vector<Entry> counted;
  for (const float v : others) {
    if (counted.empty() || counted.back().first != v) counted.emplace_back(v, 0);
    ++counted.back().second;
  }
  merge_sorted(counted);
}

void IntensityCounts::merge_sorted(const std::vector<Entry>& other) {
  if (other.empty()) return;
  std::vector<Entry> both;
  both.reserve(fractional_.size() + other.size());
  std::merge(fractional_.begin(), fractional_.end(), other.begin(), other.end(), std::back_inserter(both));
  std::size_t last = 0;
  for (std::size_t i = 1; i < both.size(); ++i) {
    if (both[i].first == both[last].first)
      both[last].second += both[i].second;
    else
      both[++last] = both[i];
  }
  both.resize(last + 1);
  fractional_ = std::move(both);
}

void IntensityCounts::merge(const IntensityCounts& other) {
  if (whole_.empty()) whole_.assign(other.whole_.size(), 0);
  for (std::size_t i = 0; i < other.whole_.size(); ++i) whole_[i] += other.whole_[i];
  merge_sorted(other.fractional_);
  count_ += other.count_;
}

std::vector<IntensityCounts::Entry> IntensityCounts::entries() const {
  std::vector<Entry> whole, all;
  for (std::size_t i = 0; i < whole_.size(); ++i)
    if (whole_[i] > 0) whole.emplace_back(static_cast<float>(static_cast<std::int64_t>(i) + whole_low), whole_[i]);
  std::merge(whole.begin(), whole.end(), fractional_.begin(), fractional_.end(), std::back_inserter(all));
  return all;
}

CtStats IntensityCounts::stats() const {
  if (count_ == 0)
    throw Error("CT statistics", "no training voxel has a label > 0",
                "give the statistics with --ct_stats MIN MAX MEAN STD");
  const std::vector<Entry> all = entries();
  const auto value_at = [&](std::int64_t rank) {
    auto entry = all.begin();
    while (rank >= entry->second) rank -= (entry++)->second;
    return static_cast<double>(entry->first);
  };
  const auto at_percentile = [&](double q) {
    const Rank rank(count_, q);
    return interpolate(value_at(rank.low), value_at(rank.high), rank.fraction);
  };
  const auto n = static_cast<double>(count_);
  double sum = 0, squares = 0;
  for (const auto& [value, times] : all) sum += static_cast<double>(value) * static_cast<double>(times);
  const double mean = sum / n;
  for (const auto& [value, times] : all)
    squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean) * static_cast<double>(times);
  if (!(squares > 0))
    throw Error("CT statistics", "all training voxels with a label > 0 have the same value",
                "give the statistics with --ct_stats MIN MAX MEAN STD");
  return {at_percentile(0.5), at_percentile(99.5), mean, std::sqrt(squares / n)};
}

Fingerprint collect_fingerprint(const Dataset& dataset, bool with_ct, int threads, const std::function<void()>& done) {
  const auto& cases = dataset.training;
  if (cases.empty())
    throw Error(dataset.folder.string(),
                "spacing or intensities would have to be collected, but the dataset has no training cases",
                with_ct ? "give --spacing and --ct_stats MIN MAX MEAN STD" : "give --spacing");
  std::vector<std::optional<Spacing3>> found(cases.size());
  IntensityCounts counts;
  std::string reason;
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(cases.size()), threads, [&](std::int64_t i) {
    const CaseFiles& files = cases[static_cast<std::size_t>(i)];
    try {
      IntensityCounts own;
      Spacing3 spacing;
      if (with_ct) {
        const Image image = read_nifti(files.image);
        if (!files.label) throw Error(files.name, "it has no label", "name it in dataset.json");
        const LabelMap label = read_label_map(*files.label, dataset.n_class());
        if (label.voxels.spatial() != image.voxels.spatial())
          throw Error(files.name, "label and image differ in shape", "");
        for (std::int64_t c = 0; c < image.voxels.size(0); ++c) own.add(image.voxels.slab(c), label.voxels.values);
        spacing = image.geometry.spacing;
      } else {
        spacing = read_nifti_info(files.image).geometry.spacing;
      }
      const std::lock_guard lock(mutex);
      found[static_cast<std::size_t>(i)] = spacing;
      if (with_ct) counts.merge(own);
    } catch (const std::exception& e) {
      const std::lock_guard lock(mutex);
      if (reason.empty()) reason = e.what();
      log::warn("left out of the dataset's statistics: " + std::string(e.what()));
    }
    if (done) done();
  });
  std::vector<Spacing3> spacings;
  for (const auto& s : found)
    if (s) spacings.push_back(*s);
  if (spacings.empty())
    throw Error(dataset.folder.string(), "no training case can be read; the first one: " + reason,
                "repair the dataset");
  Fingerprint result;
  result.spacing = target_spacing(spacings);
  if (with_ct) result.ct = counts.stats();
  return result;
}

}  // namespace nnunet
