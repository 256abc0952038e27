#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "instance.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::dicom {

/// A plane of one of several instances.
struct PlaneIndex {
  std::size_t instance = 0, plane = 0;
};

struct FoundSeries::Planes {
  std::vector<Instance> instances;
  std::vector<std::string> names;  ///< of their files, for messages
  std::vector<PlaneIndex> order;   ///< as Series::frames
  std::shared_ptr<const void> unpacked;

  const Plane& at(const PlaneIndex& i) const { return instances[i.instance].planes[i.plane]; }
};

/// Puts the planes in order along row x column and finds row, column, spacing, shape and step. Copies of a plane are
/// left out with a warning. Otherwise `problem` says why they are no volume: places that are missing or unevenly far
/// from each other, several planes at one place, planes that are shifted against each other.
void stack_planes(FoundSeries& found, FoundSeries::Planes& planes);

}  // namespace nnunet::dicom
