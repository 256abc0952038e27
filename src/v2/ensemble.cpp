#include "nnunet/v2/ensemble.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "for_each_case.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/properties.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// Takes a class at a time and decides for each voxel.
class Decision {
 public:
  Decision(const DatasetLabels& labels, std::size_t voxels) : labels_(labels), map_(voxels, 0) {}

  void add(std::span<const float> probability) {
    const std::size_t head = head_++;
    if (labels_.has_regions) {
      const auto label = static_cast<std::uint16_t>(labels_.region_values[head]);
      for (std::size_t i = 0; i < map_.size(); ++i)
        if (probability[i] > 0.5F) map_[i] = label;
    } else if (head == 0) {
      largest_.assign(probability.begin(), probability.end());
    } else {
      for (std::size_t i = 0; i < map_.size(); ++i)
        if (probability[i] > largest_[i]) {
          largest_[i] = probability[i];
          map_[i] = static_cast<std::uint16_t>(head);
        }
    }
  }
  std::vector<std::uint16_t> take() && { return std::move(map_); }

 private:
  const DatasetLabels& labels_;
  std::size_t head_ = 0;
  std::vector<std::uint16_t> map_;
  std::vector<float> largest_;
};

std::vector<NpzReader> open(const EnsembleCase& one, int heads) {
  std::vector<NpzReader> readers;
  for (const fs::path& file : one.npz) {
    readers.emplace_back(file);
    const auto& shape = readers.back().shape();
    if (shape.size() != 4 || shape[0] != heads)
      throw Error(file.string(),
                  fmt::format("holds an array {}, not one of {} classes and three axes", shape_text(shape), heads),
                  "predict it with the model of this dataset.json");
    if (shape != readers.front().shape())
      throw Error(file.string(),
                  fmt::format("holds an array {}, the first folder's is {}", shape_text(shape),
                              shape_text(readers.front().shape())),
                  "ensemble predictions of the same images");
  }
  return readers;
}

void merge(const EnsembleCase& one, const MergeOptions& options, int threads) {
  std::vector<NpzReader> readers = open(one, options.labels.heads());
  const std::vector<std::int64_t> shape = readers.front().shape();
  const Shape3 grid{shape[1], shape[2], shape[3]};
  const fs::path properties = fs::path(one.npz.front()).replace_extension(".pkl");
  const PythonValue place = read_python_pickle(properties);

  const auto voxels = static_cast<std::size_t>(volume(grid));
  std::vector<float> sum(voxels), next(voxels);
  Decision decision(options.labels, voxels);
  std::optional<NpzWriter> writer;
  if (options.save_probabilities) writer.emplace(options.output / (one.name + ".npz"), shape, threads);
  const auto count = static_cast<float>(readers.size());
  for (std::int64_t head = 0; head < shape[0]; ++head) {
    readers.front().read(sum);
    for (std::size_t i = 1; i < readers.size(); ++i) {
      readers[i].read(next);
      for (std::size_t v = 0; v < voxels; ++v) sum[v] += next[v];
    }
    for (float& value : sum) value /= count;
    decision.add(sum);
    if (writer) writer->write(sum);
  }
  Array<std::uint16_t> labels;
  labels.shape = {grid[0], grid[1], grid[2]};
  labels.values = std::move(decision).take();
  const WideLabelMap map = placed(std::move(labels), place, properties.string());
  if (writer) {
    writer->commit();
    write_text(options.output / (one.name + ".pkl"), read_text(properties));
  }
  write_label_file(options.output / (one.name + options.labels.file_ending), map);
}

}  // namespace

int merge_cases(const std::vector<EnsembleCase>& cases, const MergeOptions& options) {
  require_writable_folder(options.output);
  std::vector<std::string> names;
  for (const EnsembleCase& one : cases) names.push_back(one.name);
  const int packers = std::max(1, options.threads / std::max(1, static_cast<int>(cases.size())));
  return for_each_case("ensemble", names, options.threads, [&](std::size_t i) { merge(cases[i], options, packers); });
}

int ensemble_folders(const std::vector<fs::path>& inputs, const fs::path& output, bool save_probabilities,
                     int threads) {
  std::set<std::string> all;
  std::vector<std::vector<std::string>> each;
  for (const fs::path& folder : inputs) {
    each.push_back(file_names(folder, ".npz"));
    all.insert(each.back().begin(), each.back().end());
  }
  if (all.empty()) throw Error(inputs.front().string(), "there are no .npz files", "predict with --save_probabilities");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::vector<std::string> missing;
    std::ranges::set_difference(all, each[i], std::back_inserter(missing));
    if (!missing.empty())
      throw Error(inputs[i].string(), fmt::format("lacks {}, which other folders have", fmt::join(missing, ", ")),
                  "give folders of the same cases");
  }
  const fs::path dataset_file = inputs.front() / "dataset.json";
  const Json dataset = read_python_json(dataset_file);
  std::vector<EnsembleCase> cases;
  for (const std::string& name : all) {
    cases.push_back({fs::path(name).stem().string(), {}});
    for (const fs::path& folder : inputs) cases.back().npz.push_back(folder / name);
  }
  require_writable_folder(output);
  const int failed =
      merge_cases(cases, {output, dataset_labels(dataset, dataset_file.string()), save_probabilities, threads});
  write_python_json(output / "dataset.json", dataset, Keys::as_they_are);
  return failed;
}

}  // namespace nnunet::v2
