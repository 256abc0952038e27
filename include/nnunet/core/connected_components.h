#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet {

/// The connected components of a mask (D,H,W): voxels belong together that touch by faces, edges or corners (in a
/// volume of depth 1: the eight neighbours in the plane).
class ConnectedComponents {
 public:
  /// Neighbouring voxels of a row that are in the mask: [begin, end).
  struct Run {
    std::int32_t begin = 0, end = 0;
  };

  /// inside(i): whether voxel i, counted row by row, is in the mask.
  template <class Inside>
  ConnectedComponents(const Shape3& size, const Inside& inside) : size_(size) {
    const auto width = static_cast<std::int32_t>(size[2]);
    std::int64_t start = 0;
    for (std::int64_t line = 0; line < size[0] * size[1]; ++line, start += width) {
      first_.push_back(runs_.size());
      for (std::int32_t w = 0; w < width; ++w) {
        if (!inside(start + w)) continue;
        const std::int32_t begin = w;
        while (w < width && inside(start + w)) ++w;
        runs_.push_back({begin, w});
      }
    }
    first_.push_back(runs_.size());
    connect_all();
  }

  /// Voxels of each component; components are in the order of their first voxels.
  const std::vector<std::int64_t>& sizes() const { return sizes_; }

  /// visit(component, line, run) for every run; line: depth * H + height.
  template <class Visit>
  void visit(const Visit& visit) const {
    for (std::size_t line = 0; line + 1 < first_.size(); ++line)
      for (std::size_t i = first_[line]; i < first_[line + 1]; ++i) visit(component_[i], line, runs_[i]);
  }

 private:
  /// The runs of a row, as indices.
  struct Row {
    std::size_t begin = 0, end = 0;
  };

  Row row(std::int64_t d, std::int64_t h) const;
  std::size_t root(std::size_t run);
  void connect(Row a, Row b);
  void connect_all();

  Shape3 size_;
  std::vector<Run> runs_;
  std::vector<std::size_t> first_;      // run of each row, and the end
  std::vector<std::size_t> component_;  // of each run; while they are connected: a run that it hangs on
  std::vector<std::int64_t> sizes_;
};

}  // namespace nnunet
