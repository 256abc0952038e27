#include "nnunet/plan/fingerprint.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/intensity.h"

namespace nnunet {

namespace {

constexpr double anisotropy_threshold = 3;  // nnU-Net's (Isensee et al., Nature Methods 18, 2021)

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Reads one training case and passes each channel and the label to `use`; returns its spacing.
template <class Use>
Spacing3 read_case(const CaseFiles& files, int n_class, MemoryBudget& memory, const Use& use) {
  if (!files.label) throw Error(files.name, "it has no label", "name it in dataset.json");
  const NiftiInfo info = read_nifti_info(files.image), label_info = read_nifti_info(*files.label);
  const std::int64_t bytes = std::max(info.reading_bytes(4), info.voxels() * 4 + label_info.reading_bytes(1));
  const MemoryBudget::Share share(memory, bytes);
  const Image image = read_nifti(files.image);
  const LabelMap label = read_label_map(*files.label, n_class);
  if (label.voxels.spatial() != image.voxels.spatial())
    throw Error(files.name, "label and image differ in shape", "give them the same grid");
  for (std::int64_t c = 0; c < image.voxels.size(0); ++c) use(image.voxels.slab(c), label.voxels.values);
  return image.geometry.spacing;
}

// Goes through the training cases, many at a time.
class Collector {
 public:
  Collector(const Dataset& dataset, int threads, MemoryBudget& memory)
      : dataset_(dataset), threads_(threads), memory_(memory), found_(dataset.training.size()) {}

  // Spacings of the readable cases; with_ct: counts their intensities too.
  std::vector<Spacing3> first_pass(bool with_ct, const std::function<void()>& done) {
    std::string reason;
    parallel_for(count(), threads_, [&](std::int64_t i) {
      try {
        const Spacing3 spacing = with_ct ? count_case(i) : read_nifti_info(files(i).image).geometry.spacing;
        found_[static_cast<std::size_t>(i)] = spacing;
      } catch (const std::exception& e) {
        const std::lock_guard lock(mutex_);
        if (reason.empty()) reason = e.what();
        log::warn("left out of the dataset's statistics: " + std::string(e.what()));
      }
      if (done) done();
    });
    std::vector<Spacing3> spacings;
    for (const auto& s : found_)
      if (s) spacings.push_back(*s);
    if (spacings.empty())
      throw Error(dataset_.folder.string(), "no training case can be read; the first one: " + reason,
                  "repair the dataset");
    return spacings;
  }

  CtStats stats() {
    if (counts_.needs_second_pass()) {
      const IntensityCounts part = counts_.second_pass_part();
      parallel_for(count(), threads_, [&](std::int64_t i) {
        if (found_[static_cast<std::size_t>(i)]) count_again(i, part);
      });
    }
    return counts_.stats();
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(dataset_.training.size()); }
  const CaseFiles& files(std::int64_t i) const { return dataset_.training[static_cast<std::size_t>(i)]; }

  Spacing3 count_case(std::int64_t i) {
    IntensityCounts own;
    const Spacing3 spacing = read_case(files(i), dataset_.n_class(), memory_,
                                       [&](const auto& image, const auto& label) { own.add(image, label); });
    const std::lock_guard lock(mutex_);
    counts_.merge(own);
    return spacing;
  }

  void count_again(std::int64_t i, IntensityCounts own) {
    read_case(files(i), dataset_.n_class(), memory_,
              [&](const auto& image, const auto& label) { own.add_again(image, label); });
    const std::lock_guard lock(mutex_);
    counts_.merge(own);
  }

  const Dataset& dataset_;
  const int threads_;
  MemoryBudget& memory_;
  std::vector<std::optional<Spacing3>> found_;
  IntensityCounts counts_;
  std::mutex mutex_;
};

}  // namespace

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

Fingerprint collect_fingerprint(const Dataset& dataset, bool with_ct, int threads, MemoryBudget& memory,
                                const std::function<void()>& done) {
  if (dataset.training.empty())
    throw Error(dataset.folder.string(),
                "spacing or intensities would have to be collected, but the dataset has no training cases",
                with_ct ? "give --spacing and --ct_stats MIN MAX MEAN STD" : "give --spacing");
  Collector collector(dataset, threads, memory);
  Fingerprint result;
  result.spacing = target_spacing(collector.first_pass(with_ct, done));
  if (with_ct) result.ct = collector.stats();
  return result;
}

}  // namespace nnunet
