#include "dicom/dcmtk/segmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "dicom/dcmtk/label_content.h"
#include "dicom/dcmtk/modules.h"
#include "dicom/uids.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"

namespace nnunet::dicom {
namespace {

constexpr ObjectKind kBinary{"1.2.840.10008.5.1.4.1.1.66.4", "SEG"};
constexpr ObjectKind kLabelmap{"1.2.840.10008.5.1.4.1.1.66.7", "SEG"};
constexpr std::uint64_t kMostPixelBytes = 0xFFFFFFFEU;  // of an element, which has no other length in a file

/// A frame of the object: a plane of the series, for BINARY with one segment's voxels.
struct PlannedFrame {
  std::size_t segment = 0;  // of the options' list
  std::int64_t plane = 0;
};

/// All that is written of one object.
class SegmentationWriter {
 public:
  SegmentationWriter(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                     SegmentationType type)
      : labels_(labels), series_(series), options_(options), binary_(type == SegmentationType::binary) {
    const auto values = values_of_planes(labels);
    check_labels(labels, values, series, options);
    plan_frames(values);
    wide_ = !binary_ && std::ranges::max(options.segments, {}, &Segment::value).value > 255;
  }

  void write(const std::filesystem::path& path) {
    put_common_modules(object(), binary_ ? kBinary : kLabelmap, series_, options_);
    put_image();
    put_segments();
    put_dimensions();
    put_shared_groups();
    put_frame_groups();
    put_referenced_series();
    put_pixels(path);
    save(file_, EXS_LittleEndianExplicit, path);
  }

 private:
  DcmDataset& object() { return *file_.getDataset(); }

  void plan_frames(const std::vector<std::vector<std::uint16_t>>& values) {
    if (binary_) {
      for (std::size_t segment = 0; segment < options_.segments.size(); ++segment)
        for (std::size_t plane = 0; plane < values.size(); ++plane)
          if (std::ranges::binary_search(values[plane], static_cast<std::uint16_t>(options_.segments[segment].value)))
            frames_.push_back({segment, static_cast<std::int64_t>(plane)});
    } else {
      for (std::size_t plane = 0; plane < values.size(); ++plane)
        if (!values[plane].empty()) frames_.push_back({0, static_cast<std::int64_t>(plane)});
    }
    if (frames_.empty()) frames_.push_back({});  // an image has at least one frame
    for (const PlannedFrame& frame : frames_) planes_.push_back(frame.plane);
    std::ranges::sort(planes_);
    planes_.erase(std::ranges::unique(planes_).begin(), planes_.end());
  }

  std::uint16_t bits() const { return binary_ ? 1 : wide_ ? 16 : 8; }
  /// BINARY counts without gaps, as it must.
  int number(std::size_t segment) const {
    return binary_ ? static_cast<int>(segment) + 1 : options_.segments[segment].value;
  }

  void put_image() {
    const Moment moment = now();
    DcmDataset& o = object();
    put(o, DCM_ContentDate, EVR_DA, moment.date);
    put(o, DCM_ContentTime, EVR_TM, moment.time);
    put(o, DCM_ImageType, EVR_CS, "DERIVED\\PRIMARY");
    put(o, DCM_ContentLabel, EVR_CS, "SEGMENTATION");
    put(o, DCM_ContentDescription, EVR_LO, series_description(options_.description));
    put(o, DCM_ContentCreatorName, EVR_PN, "");
    put(o, DCM_SegmentationType, EVR_CS, binary_ ? "BINARY" : "LABELMAP");
    put(o, DCM_SegmentsOverlap, EVR_CS, "NO");
    put(o, DCM_SamplesPerPixel, 1);
    put(o, DCM_PhotometricInterpretation, EVR_CS, "MONOCHROME2");
    put(o, DCM_NumberOfFrames, EVR_IS, std::to_string(frames_.size()));
    put(o, DCM_Rows, static_cast<std::uint16_t>(series_.shape[1]));
    put(o, DCM_Columns, static_cast<std::uint16_t>(series_.shape[2]));
    put(o, DCM_BitsAllocated, bits());
    put(o, DCM_BitsStored, bits());
    put(o, DCM_HighBit, static_cast<std::uint16_t>(bits() - 1));
    put(o, DCM_PixelRepresentation, 0);
    if (!binary_) put(o, DCM_PixelPaddingValue, 0);
    put_lossy_compression();
  }

  /// What was lost in one of the source's instances is lost in what is made of them.
  void put_lossy_compression() {
    std::set<std::filesystem::path> seen;
    for (const Frame& frame : series_.frames) {
      if (!seen.insert(frame.file).second) continue;
      const SourceHeader source(frame.file);
      if (source.text(DCM_LossyImageCompression) != "01") continue;
      put(object(), DCM_LossyImageCompression, EVR_CS, "01");
      for (const auto& [tag, kind] :
           {std::pair{DCM_LossyImageCompressionRatio, EVR_DS}, {DCM_LossyImageCompressionMethod, EVR_CS}})
        if (!source.text(tag).empty()) source.copy(tag, kind, object());
      return;
    }
    put(object(), DCM_LossyImageCompression, EVR_CS, "00");
  }

  void put_segments() {
    warn_of_unknown_structures(options_.segments);
    if (!binary_) put_segment(0, {.name = "Background", .structure = background()}, {0, 0, 0});
    std::vector<std::string> renumbered;
    for (std::size_t i = 0; i < options_.segments.size(); ++i) {
      const Segment& segment = options_.segments[i];
      put_segment(number(i), segment, colour_of(segment, options_.segments));
      if (number(i) != segment.value) renumbered.push_back(fmt::format("{} as {}", segment.value, number(i)));
    }
    if (!renumbered.empty()) log::info("BINARY counts segments without gaps: label " + some_names(renumbered));
  }

  static Structure background() {
    const Code code{"125040", "DCM", "Background"};
    return {.category = code, .type = code};
  }

  void put_segment(int number, const Segment& segment, const std::array<std::uint8_t, 3>& colour) {
    DcmItem& item = add_item(object(), DCM_SegmentSequence);
    put(item, DCM_SegmentNumber, static_cast<std::uint16_t>(number));
    put(item, DCM_SegmentLabel, EVR_LO, short_text(segment.name));
    if (number != segment.value) put(item, DCM_SegmentDescription, EVR_ST, fmt::format("label {}", segment.value));
    put(item, DCM_SegmentAlgorithmType, EVR_CS, "AUTOMATIC");
    put(item, DCM_SegmentAlgorithmName, EVR_LO, short_text(options_.algorithm));
    if (number != 0) put_algorithm(item, DCM_SegmentationAlgorithmIdentificationSequence, options_);
    const Structure structure = structure_of(segment);
    if (structure.region) {
      put_code(item, DCM_AnatomicRegionSequence, *structure.region);
      if (structure.region_side) {
        DcmItem* region = nullptr;  // stays the sequence's
        require(item.findAndGetSequenceItem(DCM_AnatomicRegionSequence, region));
        put_code(*region, DCM_AnatomicRegionModifierSequence, *structure.region_side);
      }
    }
    put_code(item, DCM_SegmentedPropertyCategoryCodeSequence, structure.category);
    put_code(item, DCM_SegmentedPropertyTypeCodeSequence, structure.type);
    if (structure.modifier) {
      DcmItem* type = nullptr;  // stays the sequence's
      require(item.findAndGetSequenceItem(DCM_SegmentedPropertyTypeCodeSequence, type));
      put_code(*type, DCM_SegmentedPropertyTypeModifierCodeSequence, *structure.modifier);
    }
    const auto lab = cielab(colour);
    put(item, DCM_RecommendedDisplayCIELabValue, std::vector<std::uint16_t>(lab.begin(), lab.end()));
  }

  void put_dimension(const std::string& organization, const DcmTagKey& pointer, const DcmTagKey& group,
                     const char* label) {
    DcmItem& item = add_item(object(), DCM_DimensionIndexSequence);
    put(item, DCM_DimensionOrganizationUID, EVR_UI, organization);
    put_tag(item, DCM_DimensionIndexPointer, pointer);
    put_tag(item, DCM_FunctionalGroupPointer, group);
    put(item, DCM_DimensionDescriptionLabel, EVR_LO, label);
  }

  void put_dimensions() {
    const std::string organization = new_uid();
    put(add_item(object(), DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, EVR_UI, organization);
    if (binary_)
      put_dimension(organization, DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence, "Segment Number");
    put_dimension(organization, DCM_ImagePositionPatient, DCM_PlanePositionSequence, "Image Position (Patient)");
  }

  void put_shared_groups() {
    DcmItem& shared = add_item(object(), DCM_SharedFunctionalGroupsSequence);
    DcmItem& measures = add_item(shared, DCM_PixelMeasuresSequence);
    put(measures, DCM_SliceThickness, EVR_DS, decimal(series_.spacing[0]));
    put(measures, DCM_SpacingBetweenSlices, EVR_DS, decimal(series_.spacing[0]));
    put(measures, DCM_PixelSpacing, EVR_DS, decimals(std::array{series_.spacing[1], series_.spacing[2]}));
    DcmItem& orientation = add_item(shared, DCM_PlaneOrientationSequence);
    put(orientation, DCM_ImageOrientationPatient, EVR_DS, decimals(series_.row) + '\\' + decimals(series_.column));
  }

  void put_frame_groups() {
    for (const PlannedFrame& planned : frames_) {
      const Frame& source = series_.frames[static_cast<std::size_t>(planned.plane)];
      DcmItem& group = add_item(object(), DCM_PerFrameFunctionalGroupsSequence);
      put_derivation(group, source);
      DcmItem& content = add_item(group, DCM_FrameContentSequence);
      const auto place = std::ranges::lower_bound(planes_, planned.plane) - planes_.begin() + 1;
      std::vector<std::uint32_t> indices{static_cast<std::uint32_t>(place)};
      if (binary_) indices.insert(indices.begin(), static_cast<std::uint32_t>(number(planned.segment)));
      put_long(content, DCM_DimensionIndexValues, indices);
      put(add_item(group, DCM_PlanePositionSequence), DCM_ImagePositionPatient, EVR_DS, decimals(source.position));
      if (binary_)
        put(add_item(group, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber,
            static_cast<std::uint16_t>(number(planned.segment)));
    }
  }

  static void put_derivation(DcmItem& group, const Frame& source) {
    DcmItem& derivation = add_item(group, DCM_DerivationImageSequence);
    put_code(derivation, DCM_DerivationCodeSequence, {"113076", "DCM", "Segmentation"});
    DcmItem& image = add_item(derivation, DCM_SourceImageSequence);
    put_reference(image, source);
    put(image, DCM_SpatialLocationsPreserved, EVR_CS, "YES");
    put_code(image, DCM_PurposeOfReferenceCodeSequence,
             {"121322", "DCM", "Source image for image processing operation"});
  }

  void put_referenced_series() {
    DcmItem& item = add_item(object(), DCM_ReferencedSeriesSequence);
    put(item, DCM_SeriesInstanceUID, EVR_UI, series_.series_uid);
    put_instances(item, DCM_ReferencedInstanceSequence, series_);
  }

  void put_pixels(const std::filesystem::path& path) {
    const auto voxels = static_cast<std::uint64_t>(series_.shape[1] * series_.shape[2]) * frames_.size();
    const std::uint64_t bytes = (voxels * bits() + 7) / 8;
    if (bytes > kMostPixelBytes)
      throw Error(path.string(), fmt::format("would hold {} bytes of pixel data, more than a DICOM file can", bytes),
                  binary_ ? "write it as labelmap" : "write fewer slices");
    if (bits() == 16)
      put_words(object(), DCM_PixelData, numbers<std::uint16_t>());
    else
      put_bytes(object(), DCM_PixelData, binary_ ? packed_bits(bytes) : numbers<std::uint8_t>());
  }

  /// A bit a voxel, the first of eight in the lowest; frames follow each other without padding.
  std::vector<std::uint8_t> packed_bits(std::uint64_t bytes) const {
    std::vector<std::uint8_t> packed(bytes);
    std::size_t at = 0;
    for (const PlannedFrame& frame : frames_) {
      const int value = options_.segments[frame.segment].value;
      for (const std::uint16_t label : labels_.slab(frame.plane)) {
        if (label == value) packed[at / 8] = static_cast<std::uint8_t>(packed[at / 8] | 1U << at % 8);
        ++at;
      }
    }
    return packed;
  }

  template <class T>
  std::vector<T> numbers() const {
    std::vector<T> result;
    for (const PlannedFrame& frame : frames_)
      for (const std::uint16_t label : labels_.slab(frame.plane)) result.push_back(static_cast<T>(label));
    return result;
  }

  const Array<std::uint16_t>& labels_;
  const Series& series_;
  const ObjectOptions& options_;
  bool binary_, wide_ = false;
  std::vector<PlannedFrame> frames_;
  std::vector<std::int64_t> planes_;  // of the frames, ascending, each once
  DcmFileFormat file_;
};

}  // namespace

void write_segmentation(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                        SegmentationType type, const std::filesystem::path& path) {
  silence_dcmtk();
  SegmentationWriter(labels, series, options, type).write(path);
}

}  // namespace nnunet::dicom
