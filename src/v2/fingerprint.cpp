#include "nnunet/v2/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "for_each_case.h"
#include "foreground.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/preprocess/crop.h"
#include "nnunet/v2/environment.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDraws = 100000000;  // of a channel, over all cases

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct CaseFacts {
  Spacing3 spacing{};
  Shape3 shape{};
  double relative_size = 1;
};

/// Statistics of a channel that many threads add to.
struct Channel {
  IntensityCounts counts{{0.5, 50, 99.5}};
  std::mutex mutex{};
};

class Extraction {
 public:
  Extraction(const RawDataset& dataset, const FingerprintOptions& options)
      : dataset_(dataset),
        options_(options),
        format_(dataset_format(dataset)),
        numbered_alike_(numbered_alike(dataset, format_.ending)),
        draws_(options.all_foreground ? 0 : kDraws / dataset.cases.size()),
        facts_(dataset.cases.size()),
        kept_(dataset.cases.size()) {
    if (!options.all_foreground && draws_ == 0)
      throw Error(dataset.folder.string(), fmt::format("has more than {} cases", kDraws), "take fewer");
    for (std::size_t c = channel_count(dataset.description, dataset.file()); c > 0; --c)
      channels_.push_back(std::make_unique<Channel>());
    for (const RawCase& each : dataset.cases) names_.push_back(each.name);
  }

  DatasetFingerprint run() {
    pass("fingerprint", [&](std::size_t i) { first_look(i); });
    bool again = false;
    for (const auto& channel : channels_) again |= channel->counts.needs_second_pass();
    if (again) pass("fingerprint, percentiles", [&](std::size_t i) { second_look(i); });
    return result();
  }

 private:
  void pass(const char* title, const std::function<void(std::size_t)>& look) {
    const int failed = for_each_case(title, names_, options_.threads, look, options_.show_progress);
    if (failed > 0)
      throw Error(
          dataset_.folder.string(),
          fmt::format("{} of {} cases failed, the lines above say why; there is no fingerprint", failed, names_.size()),
          "mend or remove them (--verify_dataset_integrity lists all faults)");
  }

  /// Calls use(image, box, foreground) with what is read of a case.
  template <class Use>
  void with_case(std::size_t i, const Use& use) {
    const RawCase& raw = dataset_.cases[i];
    // Beside the files' voxels: places, values and counts of the foreground.
    const std::int64_t reading = reading_memory(raw);
    const MemoryBudget::Share share(memory_, 2 * reading);
    if (const std::string problem = misnumbered_channels(raw, format_.ending); !numbered_alike_ && !problem.empty())
      throw Error(raw.images.front().string(), problem, "rename the files, or add the one that is missing");
    const CaseImage image = read_case_image(raw.image_case(), format_);
    const Array<float>& voxels = image.image.voxels;
    if (voxels.size(0) != static_cast<std::int64_t>(channels_.size()))
      throw Error(raw.images.front().string(),
                  fmt::format("the case has {} channels, dataset.json names {}", voxels.size(0), channels_.size()),
                  "add the files that are missing, or correct dataset.json");
    const Array<std::uint16_t> labels = read_case_labels(raw.label, image, format_);
    const Box box = nonzero_box(voxels).value_or(Box{{}, voxels.spatial()});
    use(image.image, box, draw_foreground(voxels, labels, box, draws_));
  }

  void first_look(std::size_t i) {
    with_case(i, [&](const Image& image, const Box& box, Foreground foreground) {
      facts_[i] = {image.geometry.spacing, box.shape(),
                   static_cast<double>(volume(box.shape())) / static_cast<double>(volume(image.voxels.spatial()))};
      add(foreground, [](IntensityCounts& counts, const auto&... f) { counts.add(f...); });
      if (foreground.has_fractions()) keep(i, std::move(foreground));
    });
  }

  void second_look(std::size_t i) {
    const auto count = [&](const Foreground& foreground) {
      add(foreground, [](IntensityCounts& counts, const auto&... f) { counts.add_again(f...); });
    };
    if (kept_[i])
      count(*kept_[i]);
    else
      with_case(i, [&](const Image&, const Box&, const Foreground& foreground) { count(foreground); });
  }

  template <class Add>
  void add(const Foreground& foreground, const Add& add_to) {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      const std::lock_guard lock(channels_[c]->mutex);
      add_to(channels_[c]->counts, std::span<const float>(foreground.values[c]),
             std::span<const std::uint32_t>(foreground.times[c]));
    }
  }

  void keep(std::size_t i, Foreground foreground) {
    const std::int64_t bytes = foreground.bytes();
    if (kept_bytes_.fetch_add(bytes) + bytes <= options_.kept_foreground)
      kept_[i] = std::move(foreground);
    else
      kept_bytes_ -= bytes;
  }

  DatasetFingerprint result() const {
    DatasetFingerprint fingerprint;
    std::vector<double> sizes;
    for (const CaseFacts& facts : facts_) {
      fingerprint.spacings.push_back(facts.spacing);
      fingerprint.shapes_after_crop.push_back(facts.shape);
      sizes.push_back(facts.relative_size);
    }
    fingerprint.median_relative_size = median(std::move(sizes));
    for (const auto& channel : channels_) {
      if (channel->counts.count() == 0)
        throw Error(dataset_.folder.string(), "no voxel of any training case has a label above 0",
                    "check the label maps");
      fingerprint.intensities.push_back(channel->counts.summary());
    }
    return fingerprint;
  }

  const RawDataset& dataset_;
  const FingerprintOptions& options_;
  const ImageFormat format_;
  const bool numbered_alike_;
  const std::size_t draws_;  ///< of a channel of a case; 0: every voxel
  MemoryBudget memory_{available_memory() / 10 * 8};
  std::vector<std::string> names_;
  std::vector<CaseFacts> facts_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<std::optional<Foreground>> kept_;
  std::atomic<std::int64_t> kept_bytes_ = 0;
};

Json statistics_json(const IntensitySummary& channel) {
  return {{"max", channel.max},
          {"mean", channel.mean},
          {"median", channel.percentiles.at(1)},
          {"min", channel.min},
          {"percentile_00_5", channel.percentiles.at(0)},
          {"percentile_99_5", channel.percentiles.at(2)},
          {"std", channel.std}};
}

void warn_if_stale(const fs::path& file, const RawDataset& dataset) {
  const Json kept = read_python_json(file);
  const std::size_t cases = kept.is_object() && kept.contains("spacings") ? kept["spacings"].size() : 0;
  if (cases != dataset.cases.size())
    log::warn(fmt::format("{} was made of {} cases, the dataset has {} now; --clean makes it anew", file.string(),
                          cases, dataset.cases.size()));
}

}  // namespace

DatasetFingerprint extract_fingerprint(const RawDataset& dataset, const FingerprintOptions& options) {
  return Extraction(dataset, options).run();
}

Json fingerprint_json(const DatasetFingerprint& fingerprint, bool whole_spacing) {
  Json channels = Json::object(), spacings = Json::array();
  for (std::size_t c = 0; c < fingerprint.intensities.size(); ++c)
    channels[std::to_string(c)] = statistics_json(fingerprint.intensities[c]);
  for (const Spacing3& spacing : fingerprint.spacings) {
    Json& values = spacings.emplace_back(Json::array());
    for (const double value : spacing)
      whole_spacing ? values.push_back(static_cast<std::int64_t>(value)) : values.push_back(value);
  }
  return {{"foreground_intensity_properties_per_channel", std::move(channels)},
          {"median_relative_size_after_cropping", fingerprint.median_relative_size},
          {"shapes_after_crop", fingerprint.shapes_after_crop},
          {"spacings", std::move(spacings)}};
}

fs::path ensure_fingerprint(const std::string& name_or_id, const FingerprintOptions& options, bool overwrite) {
  const std::string name = dataset_name(name_or_id);
  const fs::path file = preprocessed_folder() / name / "dataset_fingerprint.json";
  const RawDataset dataset = read_raw_dataset(raw_dataset_folder(name_or_id));
  if (!overwrite && fs::exists(file)) {
    warn_if_stale(file, dataset);
    log::info(fmt::format("{}: {} is there and kept; --clean makes it anew", name, file.string()));
    return file;
  }
  const DatasetFingerprint fingerprint = extract_fingerprint(dataset, options);
  const bool pictures = dataset_format(dataset).reader == ImageReader::natural_image_2d;
  write_python_json(file, fingerprint_json(fingerprint, pictures), Keys::sorted);
  log::info(fmt::format("{}: fingerprint of {} cases, {}; {} of memory were used at most", name, dataset.cases.size(),
                        file.string(), format_bytes(peak_memory())));
  return file;
}

}  // namespace nnunet::v2
