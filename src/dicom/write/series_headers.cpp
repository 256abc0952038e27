#include "nnunet/dicom/series_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include "dicom/write/source_header.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet::dicom {
namespace {

namespace fs = std::filesystem;
using Vector = std::array<double, 3>;

constexpr double kSameDirection = 1e-4;  // between unit vectors
constexpr double kSameStep = 0.01;       // of the distance between two planes

/// A plane, and what its file says of the series (without depth, distance of the planes, and frames).
struct Instance {
  Frame frame;
  Series series;
};

double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector difference(const Vector& a, const Vector& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

[[noreturn]] void fail(const fs::path& file, const std::string& problem) {
  throw Error(file.string(), problem, "give the folder of one series of parallel slices, a file each");
}

/// One file's elements; what is missing or wrong is an Error that names the file.
class Elements {
 public:
  explicit Elements(const fs::path& file) : file_(file), header_(file) {}

  bool is_image() const { return !header_.text(DCM_Rows).empty() && !header_.text(DCM_SeriesInstanceUID).empty(); }
  std::string text(const DcmTagKey& tag) const { return header_.text(tag); }

  std::string uid(const DcmTagKey& tag, const char* name) const {
    std::string text = header_.text(tag);
    if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos)
      fail(file_, fmt::format("has no valid {}", name));
    return text;
  }

  template <std::size_t count>
  std::array<double, count> numbers(const DcmTagKey& tag, const char* name) const {
    std::istringstream stream(header_.text(tag));
    std::vector<double> values;
    for (std::string part; std::getline(stream, part, '\\');) {
      char* end = nullptr;
      values.push_back(std::strtod(part.c_str(), &end));
      if (end == part.c_str() || !std::isfinite(values.back())) fail(file_, fmt::format("has no usable {}", name));
    }
    if (values.size() != count) fail(file_, fmt::format("has no {} of {} numbers", name, count));
    std::array<double, count> result{};
    std::ranges::copy(values, result.begin());
    return result;
  }

 private:
  fs::path file_;
  SourceHeader header_;
};

Vector unit(const std::array<double, 6>& orientation, std::size_t from, const fs::path& file) {
  const Vector v{orientation[from], orientation[from + 1], orientation[from + 2]};
  const double length = std::sqrt(dot(v, v));
  if (!(std::abs(length - 1) < 0.01)) fail(file, "has an orientation that is none");
  return {v[0] / length, v[1] / length, v[2] / length};
}

/// Nothing for a file that is no DICOM image.
std::optional<Instance> read_instance(const fs::path& file) {
  std::optional<Elements> opened;
  try {
    opened.emplace(file);
  } catch (const Error&) {
    return {};
  }
  const Elements& elements = *opened;
  if (!elements.is_image()) return {};
  if (const std::string frames = elements.text(DCM_NumberOfFrames); !frames.empty() && frames != "1")
    fail(file, "holds several frames");
  Instance i;
  Series& s = i.series;
  s.study_uid = elements.uid(DCM_StudyInstanceUID, "StudyInstanceUID");
  s.series_uid = elements.uid(DCM_SeriesInstanceUID, "SeriesInstanceUID");
  s.frame_of_reference_uid = elements.uid(DCM_FrameOfReferenceUID, "FrameOfReferenceUID");
  s.modality = elements.text(DCM_Modality);
  const auto orientation = elements.numbers<6>(DCM_ImageOrientationPatient, "ImageOrientationPatient");
  s.row = unit(orientation, 0, file);
  s.column = unit(orientation, 3, file);
  if (std::abs(dot(s.row, s.column)) > 0.01) fail(file, "has an orientation that is none");
  const auto spacing = elements.numbers<2>(DCM_PixelSpacing, "PixelSpacing");
  if (!(spacing[0] > 0 && spacing[1] > 0)) fail(file, "has no positive PixelSpacing");
  s.spacing = {0, spacing[0], spacing[1]};
  s.shape = {0, static_cast<std::int64_t>(elements.numbers<1>(DCM_Rows, "Rows")[0]),
             static_cast<std::int64_t>(elements.numbers<1>(DCM_Columns, "Columns")[0])};
  i.frame = {.file = file,
             .sop_class_uid = elements.uid(DCM_SOPClassUID, "SOPClassUID"),
             .sop_instance_uid = elements.uid(DCM_SOPInstanceUID, "SOPInstanceUID"),
             .position = elements.numbers<3>(DCM_ImagePositionPatient, "ImagePositionPatient")};
  return i;
}

bool near(const Vector& a, const Vector& b) {
  const Vector d = difference(a, b);
  return std::sqrt(dot(d, d)) < kSameDirection;
}

void require_same_grid(const Series& first, const Instance& other) {
  const Series& s = other.series;
  if (s.series_uid != first.series_uid || s.frame_of_reference_uid != first.frame_of_reference_uid)
    fail(other.frame.file, "belongs to another series than the first file of its folder");
  if (s.shape != first.shape || !near(s.row, first.row) || !near(s.column, first.column) ||
      !near(s.spacing, first.spacing))
    fail(other.frame.file, "has another size, spacing or orientation than the first file of its folder");
}

/// Sorts the planes and finds how far apart they are.
void sort_planes(Series& series, const fs::path& folder) {
  const Vector normal = cross(series.row, series.column);
  const auto place = [&](const Frame& frame) { return dot(frame.position, normal); };
  std::ranges::sort(series.frames, {}, place);
  series.shape[0] = static_cast<std::int64_t>(series.frames.size());
  if (series.shape[0] == 1) fail(folder, "holds one slice alone");
  const Vector whole = difference(series.frames.back().position, series.frames.front().position);
  const double steps = static_cast<double>(series.shape[0] - 1);
  series.spacing[0] = dot(whole, normal) / steps;
  for (std::size_t i = 0; i < series.frames.size(); ++i) {
    const double share = static_cast<double>(i) * series.spacing[0];
    const Vector offset = difference(series.frames[i].position, series.frames.front().position);
    const Vector expected{normal[0] * share, normal[1] * share, normal[2] * share};
    const Vector wrong = difference(offset, expected);
    if (!(series.spacing[0] > 0 && std::sqrt(dot(wrong, wrong)) <= kSameStep * series.spacing[0]))
      fail(series.frames[i].file,
           "lies off the evenly spaced planes of its series (a slice is missing or double, or "
           "the gantry was tilted)");
  }
}

}  // namespace

Series read_series_headers(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string(), "is no folder", "give the folder of a DICOM series");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  std::optional<Series> series;
  std::size_t others = 0;
  for (const fs::path& file : files) {
    const auto instance = read_instance(file);
    if (!instance) {
      ++others;
      continue;
    }
    if (!series) series = instance->series;
    require_same_grid(*series, *instance);
    series->frames.push_back(instance->frame);
  }
  if (!series) fail(folder, "holds no DICOM images");
  if (others > 0) log::warn(fmt::format("{}: {} files are no DICOM images and were left out", folder.string(), others));
  sort_planes(*series, folder);
  return *series;
}

}  // namespace nnunet::dicom
