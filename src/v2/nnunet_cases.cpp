#include "nnunet/v2/nnunet_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/data/case_store_writer.h"
#include "nnunet/v2/b2nd.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/preprocess.h"
#include "packed_shape.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr const char *kImage = ".b2nd", *kLabel = "_seg.b2nd", *kProperties = ".pkl";
constexpr const char* kBoth = ".npz";  ///< before nnU-Net 2.6: image and labels

std::vector<std::string> names_with(const fs::path& folder, std::string_view ending) {
  std::vector<std::string> names;
  for (const std::string& file : file_names(folder, std::string(ending)))
    names.push_back(file.substr(0, file.size() - ending.size()));
  return names;
}

bool is_npz(const fs::path& folder, const std::string& name) {
  return fs::exists(folder / (name + kBoth)) && !fs::exists(folder / (name + kImage));
}

CaseSources sources_of(const fs::path& folder, const std::string& name) {
  const fs::path properties = folder / (name + kProperties);
  if (is_npz(folder, name)) return {name, {folder / (name + kBoth), properties}};
  return {name, {folder / (name + kImage), folder / (name + kLabel), properties}};
}

Array<float> read_npz(const fs::path& file, const std::string& key, NpzNumbers numbers) {
  NpzReader reader(file, key, numbers);
  require_possible(reader.shape(), file);
  Array<float> array(reader.shape());
  reader.read(array.values);
  return array;
}

Array<std::int16_t> read_npz_labels(const fs::path& file) {
  const Array<float> read = read_npz(file, "seg", NpzNumbers::labels);
  Array<std::int16_t> labels(read.shape);
  std::ranges::transform(read.values, labels.values.begin(), [](float v) { return static_cast<std::int16_t>(v); });
  return labels;
}

/// Is there from the begin of a take-over to its end.
fs::path marker(const fs::path& folder) {
  return folder / ".nnunet" / "taking_over";
}

/// Whether there is a store already, but for an interrupted take-over.
bool has_store(const fs::path& folder) {
  const auto missing = missing_cases(folder);
  return missing && (missing->empty() || !fs::exists(marker(folder)));
}

void require_fitting(const NnunetCase& c, const V2Plan& plan, const std::string& file) {
  const auto channels = plan.model.channels();
  if (c.image.size(0) != channels)
    throw Error(file, fmt::format("has {} channels, the plan has {}", c.image.size(0), channels), kPreprocessAgain);
  if (!std::ranges::all_of(c.image.values, [](float v) { return std::isfinite(v); }))
    throw Error(file, "holds values that are not finite", kPreprocessAgain);
}

class TakeOver {
 public:
  TakeOver(const fs::path& folder, const std::vector<std::string>& names, const V2Plan& plan)
      : folder_(folder),
        plan_(plan),
        requests_(location_requests(plan.model.labels)),
        writer_(folder, store_settings(plan), all_sources(folder, names)) {}

  void make(const std::string& name) {
    if (writer_.finished(name)) return;
    writer_.require_free(name);
    std::vector<FileRecord> records;
    const CaseSources sources = sources_of(folder_, name);
    for (const fs::path& file : sources.files) records.push_back(record_file(file));
    NnunetCase c = read_nnunet_case(folder_, name);
    require_fitting(c, plan_, sources.files.front().string());
    const std::string properties = sources.files.back().string();
    StoredOrigin origin = stored_origin(c.properties, plan_.model.preprocess.transpose, properties);
    const std::vector<ClassLocations> places = class_locations(c.properties, requests_, properties);
    origin.grid.x = std::move(c.image);
    origin.grid.label = std::move(c.label);
    PendingFiles files = writer_.write(name, std::move(origin.grid), places, origin.reader, records);
    const std::lock_guard lock(mutex_);
    pending_.emplace_back(name, std::move(files));
    if (pending_.size() == kAtATime) publish();
  }

  /// What is left to be published.
  void publish() {
    flush_file_system(folder_);
    for (auto& [name, files] : pending_) writer_.publish(name, files);
    pending_.clear();
  }

 private:
  static constexpr std::size_t kAtATime = 32;  // a flush for each case would take longer than to read it

  static std::vector<CaseSources> all_sources(const fs::path& folder, const std::vector<std::string>& names) {
    std::vector<CaseSources> all;
    for (const std::string& name : names) all.push_back(sources_of(folder, name));
    return all;
  }

  const fs::path& folder_;
  const V2Plan& plan_;
  const std::vector<std::vector<int>> requests_;
  const CaseStoreWriter writer_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, PendingFiles>> pending_;
};

}  // namespace

std::vector<std::string> nnunet_cases(const fs::path& folder) {
  std::vector<std::string> names;
  if (std::error_code failure; !fs::is_directory(folder, failure)) return names;
  names = names_with(folder, kImage);
  std::erase_if(names, [](const std::string& name) { return name.ends_with("_seg"); });
  if (names.empty()) names = names_with(folder, kBoth);
  std::ranges::sort(names);
  return names;
}

NnunetCase read_nnunet_case(const fs::path& folder, const std::string& name) {
  const CaseSources sources = sources_of(folder, name);
  const fs::path &image = sources.files.front(), &label = sources.files[sources.files.size() - 2];
  const bool npz = is_npz(folder, name);
  NnunetCase c{npz ? read_npz(image, "data", NpzNumbers::floats) : read_b2nd_floats(image),
               npz ? read_npz_labels(label) : read_b2nd_labels(label), read_python_pickle(sources.files.back())};
  if (c.image.shape.size() != 4)
    throw Error(image.string(), fmt::format("is {}, expected four axes", shape_text(c.image.shape)), kPreprocessAgain);
  if (c.label.shape.size() != 4 || c.label.size(0) != 1 || c.label.spatial() != c.image.spatial())
    throw Error(
        label.string(),
        fmt::format("holds labels of {}, but the image {}", shape_text(c.label.shape), shape_text(c.image.shape)),
        kPreprocessAgain);
  c.label.shape.erase(c.label.shape.begin());
  return c;
}

void take_over_nnunet_cases(const fs::path& folder, const V2Plan& plan, int threads) {
  const std::vector<std::string> names = nnunet_cases(folder);
  if (names.empty() || has_store(folder)) return;
  if (std::string why; !is_npz(folder, names.front()) && !can_read_b2nd(&why))
    throw Error(folder.string(),
                fmt::format("holds cases that nnU-Net preprocessed itself (.b2nd), which cannot be "
                            "read by this program: {}",
                            why),
                "run nnUNetv2_preprocess of this program: it writes its own beside them");
  log::info(
      fmt::format("{}: {} cases that nnU-Net preprocessed are taken over as they are", folder.string(), names.size()));
  require_writable_folder(marker(folder).parent_path());
  write_text(marker(folder), "");
  TakeOver all(folder, names, plan);
  const int failed = for_each_case("take over", names, threads, [&](std::size_t i) { all.make(names[i]); });
  all.publish();
  if (failed > 0)
    throw Error(folder.string(), fmt::format("{} of {} cases cannot be taken over", failed, names.size()),
                kPreprocessAgain);
  fs::remove(marker(folder));
}

}  // namespace nnunet::v2
