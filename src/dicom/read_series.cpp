#include "nnunet/dicom/read_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "library.h"
#include "nnunet/core/error.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "planes.h"

namespace nnunet::dicom {

namespace {

constexpr float kUnmeasured = std::numeric_limits<float>::quiet_NaN();

/// Planes of one file that one thread reads.
struct Piece {
  std::size_t instance = 0;
  std::vector<std::size_t> planes, slices;
};

std::vector<Piece> pieces_of(const FoundSeries::Planes& planes) {
  constexpr std::size_t most = 16;
  std::map<std::size_t, std::vector<Piece>> by_instance;
  for (std::size_t z = 0; z < planes.order.size(); ++z) {
    const PlaneIndex& i = planes.order[z];
    std::vector<Piece>& own = by_instance[i.instance];
    if (own.empty() || own.back().planes.size() == most) own.push_back({i.instance, {}, {}});
    own.back().planes.push_back(i.plane);
    own.back().slices.push_back(z);
  }
  std::vector<Piece> all;
  for (auto& [instance, own] : by_instance) std::ranges::move(own, std::back_inserter(all));
  return all;
}

/// From what is stored to what was measured.
class Meaning {
 public:
  Meaning(const Instance& instance, const Plane& plane)
      : slope_(plane.slope.value_or(1)), intercept_(plane.intercept.value_or(0)) {
    if (instance.photometric == "MONOCHROME1")
      turned_at_ = instance.is_signed ? -1.0 : std::ldexp(1.0, instance.bits_stored) - 1;
    if (!instance.padding) return;
    const std::int64_t limit = instance.padding_limit.value_or(*instance.padding);
    lowest_ = static_cast<double>(std::min(*instance.padding, limit));
    highest_ = static_cast<double>(std::max(*instance.padding, limit));
  }

  float operator()(float stored) const {
    double value = stored;
    if (value >= lowest_ && value <= highest_) return kUnmeasured;
    if (turned_at_) value = *turned_at_ - value;
    return static_cast<float>(value * slope_ + intercept_);
  }

 private:
  double slope_, intercept_;
  std::optional<double> turned_at_;
  double lowest_ = 1, highest_ = 0;  ///< of padding
};

/// Throws Error where all of it is padding.
void fill_unmeasured(Array<float>& voxels, const std::string& name) {
  float least = std::numeric_limits<float>::infinity();
  bool some = false;
  for (const float value : voxels.values) {
    some = some || std::isnan(value);
    if (value < least) least = value;
  }
  if (!some) return;
  if (!std::isfinite(least)) throw Error(name, "holds nothing but padding", "choose another series");
  for (float& value : voxels.values)
    if (std::isnan(value)) value = least;
}

std::string name_of(const FoundSeries& found) {
  return "series " + found.name();
}

}  // namespace

Geometry geometry_of(const FoundSeries& found) {
  const Series& series = found.series;
  constexpr std::array<double, 3> towards_ras{-1, -1, 1};
  const std::array<double, 3> origin = series.frames.front().position;
  Geometry geometry;
  geometry.shape = series.shape;
  geometry.spacing = series.spacing;
  for (std::size_t i = 0; i < 3; ++i)
    geometry.affine[i] = {towards_ras[i] * series.spacing[2] * series.row[i],
                          towards_ras[i] * series.spacing[1] * series.column[i], towards_ras[i] * found.step[i],
                          towards_ras[i] * origin[i]};
  geometry.affine[3] = {0, 0, 0, 1};
  return geometry;
}

Image read_series(const FoundSeries& found, int threads) {
  const std::string name = name_of(found);
  if (!found.problem.empty()) throw Error(name, found.problem, found.remedy);
  const FoundSeries::Planes& planes = *found.planes;
  const auto needed = volume(found.series.shape) * static_cast<std::int64_t>(sizeof(float));
  if (const std::int64_t free = available_memory(); free > 0 && needed > free)
    throw Error(name,
                fmt::format("its voxels take {} of memory, {} are available", format_bytes(needed), format_bytes(free)),
                "use a machine with more memory");
  const Shape3& shape = found.series.shape;
  Image image{Array<float>({1, shape[0], shape[1], shape[2]}), geometry_of(found)};
  const std::vector<Piece> pieces = pieces_of(planes);
  const std::size_t plane_size = static_cast<std::size_t>(shape[1] * shape[2]);
  parallel_for(static_cast<std::int64_t>(pieces.size()), threads, [&](std::int64_t p) {
    const Piece& piece = pieces[static_cast<std::size_t>(p)];
    const Instance& instance = planes.files->instances[piece.instance];
    try {
      library().read_planes(instance, piece.planes, [&](std::size_t i, std::span<const float> stored) {
        const Meaning meaning(instance, instance.planes[piece.planes[i]]);
        std::ranges::transform(
            stored, image.voxels.values.begin() + static_cast<std::ptrdiff_t>(piece.slices[i] * plane_size), meaning);
      });
    } catch (const Unreadable& e) {
      throw Error(planes.files->names[piece.instance], e.what(), "fetch the series again");
    }
  });
  fill_unmeasured(image.voxels, name);
  return image;
}

}  // namespace nnunet::dicom
