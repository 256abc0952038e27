#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "library.h"
#include "nnunet/core/array.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/digest.h"
#include "planes.h"

namespace nnunet::dicom {

namespace {

using Vector = std::array<double, 3>;

Vector operator-(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
Vector operator*(double f, const Vector& a) {
  return {f * a[0], f * a[1], f * a[2]};
}
double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
double length(const Vector& a) {
  return std::sqrt(dot(a, a));
}
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

constexpr const char* kConvert = "convert it with a program that knows this scanner's series, and give its NIfTI file";

/// Whether row and column are perpendicular unit vectors, but for rounding; makes them exactly so.
bool set_axes(Series& series, const std::array<double, 6>& orientation) {
  constexpr double tolerance = 1e-2;
  Vector row{orientation[0], orientation[1], orientation[2]}, column{orientation[3], orientation[4], orientation[5]};
  if (std::abs(length(row) - 1) > tolerance || std::abs(length(column) - 1) > tolerance ||
      std::abs(dot(row, column)) > tolerance)
    return false;
  row = (1 / length(row)) * row;
  column = column - dot(row, column) * row;
  series.row = row;
  series.column = (1 / length(column)) * column;
  return true;
}

struct Place {
  PlaneIndex plane;
  double along = 0;  ///< mm
};

std::vector<float> stored_values(const Instance& instance, std::size_t plane) {
  std::vector<float> all;
  library().read_planes(instance, std::span(&plane, 1),
                        [&](std::size_t, std::span<const float> values) { all.assign(values.begin(), values.end()); });
  return all;
}

/// The same plane of the same instance in two files, perhaps packed in another way.
bool is_copy(const FoundSeries::Planes& planes, const PlaneIndex& a, const PlaneIndex& b) {
  const Instance &one = planes.instance(a), &other = planes.instance(b);
  if (a.plane != b.plane || a.instance == b.instance) return false;
  const bool named = !one.sop_instance_uid.empty() && !other.sop_instance_uid.empty();
  if (named && one.sop_instance_uid != other.sop_instance_uid) return false;
  if (digest_of_file(one.file) == digest_of_file(other.file)) return true;
  if (!named || planes.at(a).traits != planes.at(b).traits) return false;
  try {
    return stored_values(one, a.plane) == stored_values(other, b.plane);
  } catch (const Unreadable&) {  // whose planes they are is not known, then
    return false;
  }
}

/// False where several different planes lie at one place.
bool leave_out_copies(std::vector<Place>& places, FoundSeries& found, const FoundSeries::Planes& planes) {
  std::vector<Place> kept;
  std::size_t copies = 0, doubled = 0;
  for (const Place& place : places) {
    const bool here = !kept.empty() && place.along - kept.back().along < kSamePlace;
    if (here && is_copy(planes, kept.back().plane, place.plane))
      ++copies;
    else if (here)
      ++doubled;
    else
      kept.push_back(place);
  }
  if (doubled > 0) {
    found.problem = fmt::format("{} of its {} planes lie where another one does (phases, echoes, or several volumes)",
                                doubled, places.size());
    found.remedy = "part it into series of one volume each";
    return false;
  }
  if (copies > 0) found.warnings.push_back(fmt::format("{} planes are there twice, and are taken once", copies));
  places = std::move(kept);
  return true;
}

std::string gap_text(const std::vector<Place>& places) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < places.size(); ++i) gaps.push_back(places[i].along - places[i - 1].along);
  std::vector<double> sorted = gaps;
  std::ranges::sort(sorted);
  const double usual = sorted[(sorted.size() - 1) / 2];
  long missing = 0;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const double planes = gaps[i] / usual;
    if (std::abs(planes - std::round(planes)) > kOffPlace)
      return fmt::format("its {} planes are unevenly far from each other, {:.4g} to {:.4g} mm", places.size(),
                         sorted.front(), sorted.back());
    missing += std::lround(planes) - 1;
  }
  return fmt::format("planes are missing: {} between those {:.4g} mm apart", missing, usual);
}

/// Distance and, of a tilted gantry, direction of the next plane.
Misfit set_step(FoundSeries& found, const std::vector<Place>& places, const FoundSeries::Planes& planes) {
  Series& series = found.series;
  const Vector normal = cross(series.row, series.column);
  const auto steps = static_cast<double>(places.size() - 1);
  const Vector first = *planes.at(places.front().plane).position;
  const Vector whole = (1 / steps) * (*planes.at(places.back().plane).position - first);
  const double distance = dot(whole, normal), in_plane = std::min(series.spacing[1], series.spacing[2]);
  const Vector shift = whole - distance * normal;
  const bool tilted = length(shift) * steps > kOffPlace * in_plane;
  series.spacing[0] = distance;
  found.step = tilted ? whole : distance * normal;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Vector off = *planes.at(places[i].plane).position - first - static_cast<double>(i) * whole;
    const double along = dot(off, normal);
    if (std::abs(along) > kOffPlace * distance) {
      found.problem = gap_text(places);
      found.remedy = "fetch the whole series again, or resample it";
      return Misfit::apart;
    }
    if (length(off - along * normal) > kOffPlace * in_plane + kSamePlace) {
      found.problem = "its planes are shifted against each other";
      found.remedy = kConvert;
      return Misfit::apart;
    }
  }
  if (!tilted) return Misfit::none;
  constexpr double degrees = 57.29577951308232;
  found.warnings.push_back(
      fmt::format("the gantry was tilted by {:.1f} degrees: planes are not above each other, which the label map's "
                  "affine says too; the network sees them as if they were",
                  degrees * std::atan2(length(shift), distance)));
  return Misfit::none;
}

/// The thickness of a single plane, as far as it is known.
double single_distance(FoundSeries& found, const Plane& plane) {
  for (const auto& value : {plane.between, plane.thickness})
    if (value && *value > 0) return *value;
  found.warnings.emplace_back("it is one plane, and does not say how thick; 1 mm is assumed");
  return 1;
}

}  // namespace

Misfit stack_planes(FoundSeries& found, FoundSeries::Planes& planes) {
  Series& series = found.series;
  const Plane& model = planes.at(planes.order.front());
  const Instance& instance = planes.instance(planes.order.front());
  series.shape = {static_cast<std::int64_t>(planes.order.size()), instance.rows, instance.columns};
  series.spacing = {0, (*model.pixel_spacing)[0], (*model.pixel_spacing)[1]};
  if (!(series.spacing[1] > 0) || !(series.spacing[2] > 0)) {
    found.problem = "its pixel spacing is not positive";
    found.remedy = "repair its headers";
    return Misfit::other;
  }
  if (!set_axes(series, *model.orientation)) {
    found.problem = "its rows and columns are no perpendicular directions";
    found.remedy = "repair its headers";
    return Misfit::other;
  }
  const Vector normal = cross(series.row, series.column);
  std::vector<Place> places;
  for (const PlaneIndex& i : planes.order) places.push_back({i, dot(*planes.at(i).position, normal)});
  std::ranges::stable_sort(places, {}, &Place::along);
  if (!leave_out_copies(places, found, planes)) return Misfit::doubled;
  planes.order.clear();
  for (const Place& place : places) planes.order.push_back(place.plane);
  series.shape[0] = static_cast<std::int64_t>(places.size());
  if (volume(series.shape) > limits::image_voxels) {
    found.problem = fmt::format("has more voxels than the limit, {}", shape_text(series.shape));
    found.remedy = "segment a part of it";
    return Misfit::other;
  }
  if (places.size() > 1) return set_step(found, places, planes);
  series.spacing[0] = single_distance(found, model);
  found.step = series.spacing[0] * normal;
  return Misfit::none;
}

}  // namespace nnunet::dicom
