#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "planes.h"

namespace nnunet::dicom {

/// Where planes of a series lie, as far as that decides whether parts of it are volumes.
class PartGeometry {
 public:
  using Files = FoundSeries::Planes::Files;
  using Order = std::vector<PlaneIndex>;

  explicit PartGeometry(std::shared_ptr<const Files> files) : files_(std::move(files)) {}

  /// How far along the plane's own normal, mm.
  double along(const PlaneIndex& i) const;
  void sort(Order& planes) const;
  /// "sagittal", "coronal", "axial" or "oblique".
  std::string direction(const PlaneIndex& i) const;

  /// Why planes are no volume; empty: they are one.
  std::string why_no_volume(const Order& planes) const;
  /// Why two volumes of one direction, sorted, cannot be two: one volume must not be in several parts, and those that
  /// meet anywhere have to meet everywhere. "...": what follows "by echo time "; empty: they can.
  std::string why_not_two(const Order& one, const Order& other) const;

 private:
  const Instance& instance(const PlaneIndex& i) const { return files_->instances[i.instance]; }
  const Plane& plane(const PlaneIndex& i) const { return instance(i).planes[i.plane]; }
  double distance(const PlaneIndex& a, const PlaneIndex& b) const;
  bool is_beside(const PlaneIndex& a, const PlaneIndex& b) const;
  bool are_at_same_places(const Order& one, const Order& other) const;
  bool mingle(const Order& one, const Order& other) const;

  std::shared_ptr<const Files> files_;
};

}  // namespace nnunet::dicom
