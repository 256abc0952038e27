#include "dicom/dcmtk/structure_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dicom/dcmtk/contours.h"
#include "dicom/dcmtk/label_content.h"
#include "dicom/dcmtk/modules.h"
#include "nnunet/core/version.h"

namespace nnunet::dicom {
namespace {

constexpr ObjectKind kStructureSet{"1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"};
constexpr const char* kStudyClass = "1.2.840.10008.3.1.2.3.1";  // what a study is referred to by in these objects

/// The part of a plane that a label covers; its contours are in corners of the whole plane.
struct Box {
  std::int32_t left, top, right, bottom;  // right and bottom: the first that are not in it
};

std::map<int, Box> boxes(const Array<std::uint16_t>& labels, std::int64_t plane) {
  std::map<int, Box> found;
  const auto width = static_cast<std::int32_t>(labels.size(2));
  std::int32_t x = 0, y = 0;
  for (const std::uint16_t value : labels.slab(plane)) {
    if (value != 0) {
      Box& box = found.try_emplace(value, Box{x, y, x + 1, y + 1}).first->second;
      box = {std::min(box.left, x), box.top, std::max(box.right, x + 1), y + 1};
    }
    if (++x == width) x = 0, ++y;
  }
  return found;
}

std::vector<Contour> contours_in(const Array<std::uint16_t>& labels, std::int64_t plane, int value, const Box& box) {
  const auto voxels = labels.slab(plane);
  auto contours = trace_contours(box.right - box.left, box.bottom - box.top, [&](std::int32_t x, std::int32_t y) {
    return voxels[static_cast<std::size_t>((box.top + y) * labels.size(2) + box.left + x)] == value;
  });
  for (Contour& contour : contours)
    for (Corner& corner : contour) corner = {corner.x + box.left, corner.y + box.top};
  return contours;
}

/// A place in a plane, in voxels from the centre of the first one.
struct Place {
  double x = 0, y = 0;
};

/// A contour a hair inside the edges of its voxels. Readers that round to voxels then come to those that are inside,
/// and contours which touch, as a keyhole's two sides do, no longer do.
std::vector<Place> inset(const Contour& contour) {
  constexpr double hair = 0.002;            // of a voxel
  const auto normal = [&](std::size_t i) {  // of the edge that begins at a corner, towards its right hand
    const Corner& a = contour[i % contour.size()];
    const Corner& b = contour[(i + 1) % contour.size()];
    const auto sign = [](std::int32_t d) { return (d > 0) - (d < 0); };
    return Corner{-sign(b.y - a.y), sign(b.x - a.x)};
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < contour.size(); ++i) {
    const Corner before = normal(i + contour.size() - 1), after = normal(i);
    places.push_back(
        {contour[i].x - 0.5 + hair * (before.x + after.x), contour[i].y - 0.5 + hair * (before.y + after.y)});
  }
  return places;
}

/// A coordinate in mm: tenths of a micrometre are finer than any voxel, and short.
std::string coordinate(double mm) {
  std::string text = fmt::format("{:.4f}", mm);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

/// All that is written of one structure set.
class StructureSetWriter {
 public:
  StructureSetWriter(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options)
      : labels_(labels), series_(series), options_(options) {
    check_labels(labels, values_of_planes(labels), series, options);
  }

  void write(const std::filesystem::path& path) {
    put_common_modules(object(), kStructureSet, series_, options_);
    put(object(), DCM_OperatorsName, EVR_PN, "");
    put_structure_set();
    put_regions();
    put_contours();
    put(object(), DCM_ApprovalStatus, EVR_CS, "UNAPPROVED");
    // The points of a long contour are more than an explicit 16-bit length can say.
    save(file_, EXS_LittleEndianImplicit, path);
  }

 private:
  DcmDataset& object() { return *file_.getDataset(); }
  static std::string number(std::size_t segment) { return std::to_string(segment + 1); }

  void put_structure_set() {
    const Moment moment = now();
    put(object(), DCM_StructureSetLabel, EVR_SH, "SEGMENTATION");
    put(object(), DCM_StructureSetName, EVR_LO, series_description(options_.description));
    put(object(), DCM_StructureSetDate, EVR_DA, moment.date);
    put(object(), DCM_StructureSetTime, EVR_TM, moment.time);
    DcmItem& frame = add_item(object(), DCM_ReferencedFrameOfReferenceSequence);
    put(frame, DCM_FrameOfReferenceUID, EVR_UI, series_.frame_of_reference_uid);
    DcmItem& study = add_item(frame, DCM_RTReferencedStudySequence);
    put(study, DCM_ReferencedSOPClassUID, EVR_UI, kStudyClass);
    put(study, DCM_ReferencedSOPInstanceUID, EVR_UI, series_.study_uid);
    DcmItem& series = add_item(study, DCM_RTReferencedSeriesSequence);
    put(series, DCM_SeriesInstanceUID, EVR_UI, series_.series_uid);
    put_instances(series, DCM_ContourImageSequence, series_);
  }

  void put_regions() {
    warn_of_unknown_structures(options_.segments);
    for (std::size_t i = 0; i < options_.segments.size(); ++i) {
      const Segment& segment = options_.segments[i];
      DcmItem& region = add_item(object(), DCM_StructureSetROISequence);
      put(region, DCM_ROINumber, EVR_IS, number(i));
      put(region, DCM_ReferencedFrameOfReferenceUID, EVR_UI, series_.frame_of_reference_uid);
      put(region, DCM_ROIName, EVR_LO, short_text(segment.name));
      put(region, DCM_ROIGenerationAlgorithm, EVR_CS, "AUTOMATIC");
      put(region, DCM_ROIGenerationDescription, EVR_LO, short_text(options_.algorithm + " " + program_version()));
      put_algorithm(region, DCM_ROIDerivationAlgorithmIdentificationSequence, options_);
      DcmItem& observation = add_item(object(), DCM_RTROIObservationsSequence);
      put(observation, DCM_ObservationNumber, EVR_IS, number(i));
      put(observation, DCM_ReferencedROINumber, EVR_IS, number(i));
      put(observation, DCM_RTROIInterpretedType, EVR_CS, "");
      put(observation, DCM_ROIInterpreter, EVR_PN, "");
      put_code(observation, DCM_RTROIIdentificationCodeSequence, structure_of(segment).type);
    }
  }

  void put_contours() {
    std::vector<DcmItem*> regions;  // stay the data set's
    for (std::size_t i = 0; i < options_.segments.size(); ++i) {
      DcmItem& region = *regions.emplace_back(&add_item(object(), DCM_ROIContourSequence));
      const auto rgb = colour_of(options_.segments[i], options_.segments);
      put(region, DCM_ROIDisplayColor, EVR_IS, fmt::format("{}\\{}\\{}", rgb[0], rgb[1], rgb[2]));
      put(region, DCM_ReferencedROINumber, EVR_IS, number(i));
    }
    for (std::int64_t plane = 0; plane < series_.shape[0]; ++plane) {
      const auto found = boxes(labels_, plane);
      for (std::size_t i = 0; i < options_.segments.size(); ++i)
        if (const auto box = found.find(options_.segments[i].value); box != found.end())
          for (const Contour& contour : contours_in(labels_, plane, box->first, box->second))
            put_contour(*regions[i], series_.frames[static_cast<std::size_t>(plane)], contour);
    }
  }

  void put_contour(DcmItem& region, const Frame& frame, const Contour& contour) const {
    DcmItem& item = add_item(region, DCM_ContourSequence);
    put_reference(add_item(item, DCM_ContourImageSequence), frame);
    put(item, DCM_ContourGeometricType, EVR_CS, "CLOSED_PLANAR");
    put(item, DCM_NumberOfContourPoints, EVR_IS, std::to_string(contour.size()));
    std::string points;
    for (const auto& [x, y] : inset(contour))
      for (std::size_t axis = 0; axis < 3; ++axis) {
        if (!points.empty()) points += '\\';
        points += coordinate(frame.position[axis] + series_.row[axis] * series_.spacing[2] * x +
                             series_.column[axis] * series_.spacing[1] * y);
      }
    put(item, DCM_ContourData, EVR_DS, points);
  }

  const Array<std::uint16_t>& labels_;
  const Series& series_;
  const ObjectOptions& options_;
  DcmFileFormat file_;
};

}  // namespace

void write_structure_set(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                         const std::filesystem::path& path) {
  silence_dcmtk();
  StructureSetWriter(labels, series, options).write(path);
}

}  // namespace nnunet::dicom
