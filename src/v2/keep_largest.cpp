#include <algorithm>
#include <numeric>

#include "nnunet/v2/postprocessing.h"

namespace nnunet::v2 {
namespace {

/// Neighbouring voxels of a row that belong together: [begin, end).
struct Run {
  std::int32_t begin = 0, end = 0;
};

/// The runs of all rows, one row after the other, and which of them are connected.
class Components {
 public:
  Components(const Array<std::uint16_t>& map, const std::vector<std::uint8_t>& wanted) : shape_(map.spatial()) {
    find_runs(map, wanted);
    parent_.resize(runs_.size());
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    for (std::int64_t d = 0; d < shape_[0]; ++d)
      for (std::int64_t h = 0; h < shape_[1]; ++h) {
        connect(row(d, h), row(d, h - 1));
        for (const std::int64_t beside : {h - 1, h, h + 1}) connect(row(d, h), row(d - 1, beside));
      }
  }

  /// Calls clear(row, run) for each run outside of the largest components.
  template <class Clear>
  void visit_smaller(const Clear& clear) {
    std::vector<std::int64_t> size(runs_.size(), 0);
    for (std::size_t i = 0; i < runs_.size(); ++i) size[root(i)] += runs_[i].end - runs_[i].begin;
    const std::int64_t largest = runs_.empty() ? 0 : *std::ranges::max_element(size);
    for (std::size_t line = 0; line + 1 < first_.size(); ++line)
      for (std::size_t i = first_[line]; i < first_[line + 1]; ++i)
        if (size[root(i)] != largest) clear(line, runs_[i]);
  }

 private:
  /// The runs of a row, as indices.
  struct Row {
    std::size_t begin = 0, end = 0;
  };

  Row row(std::int64_t d, std::int64_t h) const {
    if (d < 0 || h < 0 || h >= shape_[1]) return {};
    const auto line = static_cast<std::size_t>(d * shape_[1] + h);
    return {first_[line], first_[line + 1]};
  }

  void find_runs(const Array<std::uint16_t>& map, const std::vector<std::uint8_t>& wanted) {
    const auto width = static_cast<std::int32_t>(shape_[2]);
    const std::int64_t lines = shape_[0] * shape_[1];
    for (std::int64_t line = 0; line < lines; ++line) {
      first_.push_back(runs_.size());
      const std::uint16_t* const voxels = map.data() + line * width;
      for (std::int32_t w = 0; w < width; ++w) {
        if (wanted[voxels[w]] == 0) continue;
        const std::int32_t begin = w;
        while (w < width && wanted[voxels[w]] != 0) ++w;
        runs_.push_back({begin, w});
      }
    }
    first_.push_back(runs_.size());
  }

  std::size_t root(std::size_t run) {
    while (parent_[run] != run) run = parent_[run] = parent_[parent_[run]];
    return run;
  }

  /// Runs touch when they overlap, or meet at a corner.
  void connect(Row a, Row b) {
    while (a.begin < a.end && b.begin < b.end) {
      const Run &one = runs_[a.begin], &other = runs_[b.begin];
      if (one.begin <= other.end && other.begin <= one.end) {
        const std::size_t x = root(a.begin), y = root(b.begin);
        parent_[std::max(x, y)] = std::min(x, y);
      }
      one.end < other.end ? ++a.begin : ++b.begin;
    }
  }

  Shape3 shape_;
  std::vector<Run> runs_;
  std::vector<std::size_t> first_;  ///< of each row, and the end
  std::vector<std::size_t> parent_;
};

}  // namespace

std::vector<int> KeepLargest::labels() const {
  std::vector<int> all;
  for (const LabelOrRegion& each : of) all.insert(all.end(), each.values.begin(), each.values.end());
  return all;
}

void keep_largest(Array<std::uint16_t>& map, const KeepLargest& step) {
  std::vector<std::uint8_t> wanted(65536, 0);
  for (const int label : step.labels())
    if (label >= 0 && label < 65536) wanted[static_cast<std::size_t>(label)] = 1;
  Components components(map, wanted);
  const auto width = static_cast<std::size_t>(map.spatial()[2]);
  components.visit_smaller([&](std::size_t line, const Run& run) {
    const auto start = map.values.begin() + static_cast<std::ptrdiff_t>(line * width);
    std::fill(start + run.begin, start + run.end, static_cast<std::uint16_t>(step.background));
  });
}

void postprocess(Array<std::uint16_t>& map, const std::vector<KeepLargest>& steps) {
  for (const KeepLargest& step : steps) keep_largest(map, step);
}

}  // namespace nnunet::v2
