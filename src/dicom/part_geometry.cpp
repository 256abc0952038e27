#include "part_geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace nnunet::dicom {

namespace {

std::array<double, 3> normal_of(const Plane& plane) {
  const auto& o = *plane.orientation;
  return {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
}

/// Indices of planes that are equally far along the normal, if any are.
std::optional<std::pair<std::size_t, std::size_t>> first_meeting(const std::vector<double>& one,
                                                                 const std::vector<double>& other) {
  for (std::size_t i = 0, k = 0; i < one.size() && k < other.size();) {
    const double apart = one[i] - other[k];
    if (std::abs(apart) < kSamePlace) return std::pair{i, k};
    ++(apart < 0 ? i : k);
  }
  return std::nullopt;
}

}  // namespace

double PartGeometry::along(const PlaneIndex& i) const {
  const auto normal = normal_of(plane(i));
  const auto& p = *plane(i).position;
  return p[0] * normal[0] + p[1] * normal[1] + p[2] * normal[2];
}

void PartGeometry::sort(Order& planes) const {
  std::ranges::stable_sort(planes, {}, [this](const PlaneIndex& i) { return along(i); });
}

std::string PartGeometry::direction(const PlaneIndex& i) const {
  constexpr double nearly = 0.9;
  constexpr std::array names{"sagittal", "coronal", "axial"};
  const auto normal = normal_of(plane(i));
  for (std::size_t k = 0; k < names.size(); ++k)
    if (std::abs(normal[k]) > nearly) return names[k];
  return "oblique";
}

std::string PartGeometry::why_no_volume(const Order& planes) const {
  FoundSeries trial;
  FoundSeries::Planes stacked{files_, planes};
  stack_planes(trial, stacked);
  return trial.problem;
}

std::string PartGeometry::why_not_two(const Order& one, const Order& other) const {
  std::vector<double> ones, others;
  for (const PlaneIndex& i : one) ones.push_back(along(i));
  for (const PlaneIndex& i : other) others.push_back(along(i));
  if (const auto meeting = first_meeting(ones, others)) {
    if (is_beside(one[meeting->first], other[meeting->second]) || are_at_same_places(one, other)) return {};
    return fmt::format("they would be volumes of {} and {} planes that do not cover the same places", one.size(),
                       other.size());
  }
  Order both = one;
  both.insert(both.end(), other.begin(), other.end());
  if (mingle(one, other) || why_no_volume(both).empty()) return "one volume would be in several parts";
  return {};
}

double PartGeometry::distance(const PlaneIndex& a, const PlaneIndex& b) const {
  const auto &p = *plane(a).position, &q = *plane(b).position;
  return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

/// As stations are, not at one place.
bool PartGeometry::is_beside(const PlaneIndex& a, const PlaneIndex& b) const {
  return distance(a, b) > std::ranges::max(*plane(a).pixel_spacing);
}

bool PartGeometry::are_at_same_places(const Order& one, const Order& other) const {
  const double tolerance = kSamePlace + kOffPlace * std::ranges::min(*plane(one.front()).pixel_spacing);
  return std::ranges::equal(one, other,
                            [&](const PlaneIndex& a, const PlaneIndex& b) { return distance(a, b) < tolerance; });
}

/// One has planes between the other's, as every second plane of a volume does.
bool PartGeometry::mingle(const Order& one, const Order& other) const {
  if (along(one.back()) < along(other.front()) || along(other.back()) < along(one.front())) return false;
  const Instance& i = instance(one.front());
  const auto& spacing = *plane(one.front()).pixel_spacing;
  const double view = std::min(static_cast<double>(i.rows) * spacing[0], static_cast<double>(i.columns) * spacing[1]);
  const double apart = distance(one.front(), other.front()), deep = along(one.front()) - along(other.front());
  return std::sqrt(std::max(0.0, apart * apart - deep * deep)) < view / 2;
}

}  // namespace nnunet::dicom
