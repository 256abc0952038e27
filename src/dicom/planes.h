#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "instance.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::dicom {

inline constexpr double kSamePlace = 1e-3;  ///< mm
inline constexpr double kOffPlace = 0.1;    ///< of a plane's distance to the next, or of a voxel in the plane

/// A plane of one of several instances.
struct PlaneIndex {
  std::size_t instance = 0, plane = 0;
};

/// The planes of a volume. Volumes of one series share its files.
struct FoundSeries::Planes {
  struct Files {
    std::vector<Instance> instances;
    std::vector<std::string> names;  ///< for messages
    std::shared_ptr<const void> unpacked;
  };
  std::shared_ptr<const Files> files;
  std::vector<PlaneIndex> order;  ///< as Series::frames

  const Instance& instance(const PlaneIndex& i) const { return files->instances[i.instance]; }
  const Plane& at(const PlaneIndex& i) const { return instance(i).planes[i.plane]; }
};

/// Why planes are no volume.
enum class Misfit {
  none,
  doubled,  ///< several lie at one place
  apart,    ///< they are unevenly far from each other, or shifted against each other
  other
};

/// Puts the planes in order along row x column and finds row, column, spacing, shape and step. Copies of a plane are
/// left out with a warning. Otherwise `problem` says why they are no volume: places that are missing or unevenly far
/// from each other, several planes at one place, planes that are shifted against each other.
Misfit stack_planes(FoundSeries& found, FoundSeries::Planes& planes);

/// One of several volumes in a series.
struct Part {
  std::vector<PlaneIndex> planes;
  std::string apart;  ///< as FoundSeries::apart
};
struct Parting {
  std::vector<Part> parts;  ///< none: nothing parts them
  std::string why_not;      ///< of the first way that was tried, "by echo time, ..."; empty: nothing tells them apart
};

/// Parts planes by what their files say, where that makes volumes only. directions: planes of one size and direction
/// each. misfit: why they are no volume together.
Parting part_planes(const std::shared_ptr<const FoundSeries::Planes::Files>& files,
                    const std::vector<std::vector<PlaneIndex>>& directions, Misfit misfit);

}  // namespace nnunet::dicom
