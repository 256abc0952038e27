#include "dicom/dcmtk/label_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "palette.h"

namespace nnunet::dicom {

std::vector<std::vector<std::uint16_t>> values_of_planes(const Array<std::uint16_t>& labels) {
  std::vector<std::vector<std::uint16_t>> values;
  for (std::int64_t plane = 0; plane < labels.size(0); ++plane) {
    std::vector<bool> seen(std::size_t{1} << 16U);
    auto& here = values.emplace_back();
    for (const std::uint16_t value : labels.slab(plane)) {
      if (seen[value]) continue;
      seen[value] = true;
      if (value != 0) here.push_back(value);
    }
    std::ranges::sort(here);
  }
  return values;
}

void check_labels(const Array<std::uint16_t>& labels, const std::vector<std::vector<std::uint16_t>>& values,
                  const Series& series, const ObjectOptions& options) {
  if (series.frames.empty() || static_cast<std::int64_t>(series.frames.size()) != series.shape[0])
    throw std::logic_error("a DICOM series has a frame for each of its planes");
  for (const Segment& segment : options.segments)
    if (segment.value < 1 || segment.value > 65535) throw std::logic_error("a segment's value is 1 to 65535");
  if (options.segments.empty()) throw Error("DICOM object", "no label is named", "name them in a labels.json");
  if (labels.spatial() != series.shape)
    throw Error(options.labels_name,
                fmt::format("has {} voxels, the DICOM series {}", shape_text(labels.shape), shape_text(series.shape)),
                "give the label map of this series");
  for (const auto& plane : values)
    for (const std::uint16_t value : plane)
      if (std::ranges::find(options.segments, int{value}, &Segment::value) == options.segments.end())
        throw Error(options.labels_name, fmt::format("has the value {}, which no label is named for", value),
                    "add it to the labels.json, or give the label map of this series");
}

Structure structure_of(const Segment& segment) {
  if (segment.structure) return *segment.structure;
  if (auto known = known_structure(segment.name)) return *known;
  const Code tissue{"85756007", "SCT", "Tissue"};
  return {.category = tissue, .type = tissue};
}

void warn_of_unknown_structures(const std::vector<Segment>& segments) {
  std::vector<std::string> names;
  for (const Segment& segment : segments)
    if (!segment.structure && !known_structure(segment.name)) names.push_back(segment.name);
  if (!names.empty())
    log::warn(
        fmt::format("no code is known for {}: written as \"Tissue\"; a labels.json can give one", some_names(names)));
}

std::array<std::uint8_t, 3> colour_of(const Segment& segment, const std::vector<Segment>& all) {
  if (segment.colour) return *segment.colour;
  const auto at = static_cast<std::size_t>(segment.value - 1);
  const auto largest = static_cast<std::size_t>(std::ranges::max(all, {}, &Segment::value).value);
  const bool few = largest <= palette::few.size();
  const std::uint32_t hex = few ? palette::few[at] : palette::many[at % palette::many.size()];
  return {static_cast<std::uint8_t>(hex >> 16U), static_cast<std::uint8_t>(hex >> 8U & 255U),
          static_cast<std::uint8_t>(hex & 255U)};
}

std::array<std::uint16_t, 3> cielab(const std::array<std::uint8_t, 3>& rgb) {
  // sRGB (IEC 61966-2-1), its primaries adapted to D50 (Bradford), as in ICC profiles.
  constexpr double to_xyz[3][3]{
      {0.4360747, 0.3850649, 0.1430804}, {0.2225045, 0.7168786, 0.0606169}, {0.0139322, 0.0971045, 0.7141733}};
  constexpr double white[3]{0.9642, 1.0, 0.8249};
  double linear[3]{}, f[3]{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = rgb[i] / 255.0;
    linear[i] = c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = (to_xyz[i][0] * linear[0] + to_xyz[i][1] * linear[1] + to_xyz[i][2] * linear[2]) / white[i];
    f[i] = t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
  }
  const auto scaled = [](double value, double low, double high) {
    return static_cast<std::uint16_t>(std::lround(std::clamp((value - low) / (high - low), 0.0, 1.0) * 65535));
  };
  return {scaled(116 * f[1] - 16, 0, 100), scaled(500 * (f[0] - f[1]), -128, 127),
          scaled(200 * (f[1] - f[2]), -128, 127)};
}

}  // namespace nnunet::dicom
