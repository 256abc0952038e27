#include "header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "nnunet/core/limits.h"
#include "traits.h"
#include "transfer_syntaxes.h"

namespace nnunet::dicom {

namespace {

constexpr Tag kMetaSopClass = 0x00020002, kMetaSopInstance = 0x00020003, kImageType = 0x00080008,
              kSopClass = 0x00080016, kSopInstance = 0x00080018, kModality = 0x00080060, kThickness = 0x00180050,
              kBetween = 0x00180088, kStudy = 0x0020000d, kSeries = 0x0020000e, kSeriesNumber = 0x00200011,
              kPosition = 0x00200032, kOrientation = 0x00200037, kFrameOfReference = 0x00200052,
              kPlanePositions = 0x00209113, kPlaneOrientations = 0x00209116, kSamples = 0x00280002,
              kPhotometric = 0x00280004, kFrames = 0x00280008, kRows = 0x00280010, kColumns = 0x00280011,
              kPixelSpacing = 0x00280030, kBitsAllocated = 0x00280100, kBitsStored = 0x00280101, kHighBit = 0x00280102,
              kRepresentation = 0x00280103, kPadding = 0x00280120, kPaddingLimit = 0x00280121, kIntercept = 0x00281052,
              kSlope = 0x00281053, kLookupTable = 0x00283000, kPixelMeasures = 0x00289110,
              kValueTransformation = 0x00289145, kDetector = 0x00540022, kSlices = 0x00540080,
              kSharedGroups = 0x52009229, kFrameGroups = 0x52009230;

/// Where a plane lies, what its values mean and what tells it apart: what its own groups say goes before what all
/// share.
void describe(Plane& plane, const Elements& groups, const std::vector<std::size_t>& dimensions) {
  add_group_traits(plane.traits, groups, dimensions);
  if (const Elements* item = groups.item(kPlanePositions)) plane.position = item->numbers<3>(kPosition);
  if (const Elements* item = groups.item(kPlaneOrientations)) plane.orientation = item->numbers<6>(kOrientation);
  if (const Elements* item = groups.item(kPixelMeasures)) {
    plane.pixel_spacing = item->numbers<2>(kPixelSpacing);
    plane.thickness = item->number(kThickness);
    plane.between = item->number(kBetween);
  }
  if (const Elements* item = groups.item(kValueTransformation)) {
    plane.slope = item->number(kSlope);
    plane.intercept = item->number(kIntercept);
  }
}

Plane plane_of(const Elements& e) {
  Plane plane;
  plane.position = e.numbers<3>(kPosition);
  plane.orientation = e.numbers<6>(kOrientation);
  plane.pixel_spacing = e.numbers<2>(kPixelSpacing);
  plane.thickness = e.number(kThickness);
  plane.between = e.number(kBetween);
  plane.slope = e.number(kSlope);
  plane.intercept = e.number(kIntercept);
  plane.traits = traits_of(e);
  return plane;
}

/// Nuclear medicine: the first slice's place, the others at equal distances behind it. Projections, and frames that do
/// not say which slice they are of, have no place.
void stack(Instance& instance, const Elements& e, const Elements& detector) {
  const auto position = detector.numbers<3>(kPosition);
  const auto orientation = detector.numbers<6>(kOrientation);
  std::vector<double> slices = e.words(kSlices);
  const bool is_volume = instance.image_type.size() > 2 && instance.image_type[2] == "RECON TOMO";
  if (slices.empty() && is_volume)
    for (std::size_t i = 0; i < instance.planes.size(); ++i) slices.push_back(static_cast<double>(i + 1));
  if (!position || !orientation || slices.size() != instance.planes.size()) return;
  const auto& o = *orientation;
  const std::array<double, 3> normal{o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
  for (std::size_t i = 0; i < instance.planes.size(); ++i) {
    Plane& plane = instance.planes[i];
    const double step = plane.between.value_or(plane.thickness.value_or(0));
    plane.orientation = orientation;
    plane.position = position;
    for (std::size_t k = 0; k < 3; ++k) (*plane.position)[k] += (slices[i] - 1) * step * normal[k];
    add_vector_traits(plane.traits, e, i);
  }
}

void read_planes(Instance& instance, const Elements& e) {
  const bool multi_frame = e.has(kFrameGroups) || e.has(kSharedGroups);
  if (instance.frames == 1 && !multi_frame) {
    instance.planes = {plane_of(e)};
    return;
  }
  const auto found = e.sequences.find(kFrameGroups);
  const std::size_t described = found == e.sequences.end() ? 0 : found->second.size();
  if (described != 0 && described != static_cast<std::size_t>(instance.frames))
    throw Unreadable(fmt::format("has {} frames, but describes {}", instance.frames, described));
  const std::vector<std::size_t> dimensions = own_dimensions(e);
  Plane shared = plane_of(e);
  shared.position.reset();
  if (const Elements* groups = e.item(kSharedGroups)) describe(shared, *groups, dimensions);
  for (std::size_t i = 0; i < static_cast<std::size_t>(instance.frames); ++i) {
    Plane own = shared;
    if (described > 0) {
      Plane of_frame;
      describe(of_frame, found->second[i], dimensions);
      if (of_frame.position) own.position = of_frame.position;
      if (of_frame.orientation) own.orientation = of_frame.orientation;
      if (of_frame.pixel_spacing) own.pixel_spacing = of_frame.pixel_spacing;
      if (of_frame.thickness) own.thickness = of_frame.thickness;
      if (of_frame.between) own.between = of_frame.between;
      if (of_frame.slope) own.slope = of_frame.slope;
      if (of_frame.intercept) own.intercept = of_frame.intercept;
      for (auto& [trait, value] : of_frame.traits) own.traits[trait] = std::move(value);
    }
    own.number = static_cast<int>(i) + 1;
    instance.planes.push_back(std::move(own));
  }
  if (const Elements* detector = e.item(kDetector); detector != nullptr && described == 0)
    stack(instance, e, *detector);
}

std::optional<std::int64_t> stored_value(const Elements& e, Tag tag, const Instance& instance) {
  const auto word = e.word(tag);
  if (!word) return std::nullopt;
  return instance.is_signed ? std::int64_t{static_cast<std::int16_t>(*word)} : std::int64_t{*word};
}

void read_pixel_format(Instance& instance, const Elements& e) {
  instance.rows = e.word(kRows).value_or(0);
  instance.columns = e.word(kColumns).value_or(0);
  instance.samples = e.word(kSamples).value_or(1);
  instance.photometric = e.text(kPhotometric);
  instance.bits_allocated = e.word(kBitsAllocated).value_or(0);
  instance.bits_stored = e.word(kBitsStored).value_or(static_cast<std::uint16_t>(instance.bits_allocated));
  instance.high_bit = e.word(kHighBit).value_or(static_cast<std::uint16_t>(std::max(instance.bits_stored, 1) - 1));
  instance.is_signed = e.word(kRepresentation).value_or(0) != 0;
  instance.padding = stored_value(e, kPadding, instance);
  instance.padding_limit = stored_value(e, kPaddingLimit, instance);
  instance.has_lookup_table = e.has(kLookupTable);
  const double frames = e.number(kFrames).value_or(1);
  if (!(frames >= 0) || frames > std::numeric_limits<std::int32_t>::max())
    throw Unreadable(fmt::format("says that it has {} frames", frames));
  instance.frames = std::max<std::int64_t>(1, static_cast<std::int64_t>(frames));
}

/// What the place of the pixel data tells of them.
std::string damage_of(DicomFile& file, const Instance& instance) {
  const PixelPlace& place = *file.pixels();
  __extension__ using Wide = unsigned __int128;  // what a header says may be more than 64 bits hold
  const Wide bits = Wide(instance.rows * instance.columns) * Wide(instance.frames) *
                    Wide(static_cast<std::int64_t>(instance.samples) * instance.bits_allocated);
  if (place.size == 0) return "its pixel data are empty";
  if (place.truncated) return "the file is truncated";
  if (place.fragments) {
    const auto fragments = file.fragments();
    if (fragments.truncated) return "the file is truncated";
    if (fragments.all.size() < static_cast<std::uint64_t>(instance.frames))
      return fmt::format("it says that it has {} frames, and holds {}", instance.frames, fragments.all.size());
    if (bits / 8 > limits::unchecked_image_bytes && bits / 8 / limits::archive_ratio > place.size)
      return "its pixel data unpack to far more than they are";
    return {};
  }
  const Wide bytes = (bits + 7) / 8;
  if (place.size < bytes) return fmt::format("its pixel data are too short ({} of {} bytes)", place.size, bytes);
  return {};
}

}  // namespace

const Wanted& wanted_elements() {
  static const Wanted wanted = [] {
    Wanted w{{kImageType,     kSopClass,    kSopInstance,  kModality,       kThickness,   kBetween,
              kStudy,         kSeries,      kSeriesNumber, kPosition,       kOrientation, kFrameOfReference,
              kSamples,       kPhotometric, kFrames,       kRows,           kColumns,     kPixelSpacing,
              kBitsAllocated, kBitsStored,  kHighBit,      kRepresentation, kPadding,     kPaddingLimit,
              kIntercept,     kSlope,       kSlices},
             {kPlanePositions, kPlaneOrientations, kLookupTable, kPixelMeasures, kValueTransformation, kDetector,
              kSharedGroups, kFrameGroups}};
    add_wanted_traits(w);
    for (std::vector<Tag>* tags : {&w.values, &w.sequences}) {
      std::ranges::sort(*tags);
      tags->erase(std::ranges::unique(*tags).begin(), tags->end());
    }
    return w;
  }();
  return wanted;
}

Instance instance_of(DicomFile& file, const std::filesystem::path& path) {
  const Elements& e = file.elements();
  Instance instance;
  instance.file = path;
  instance.transfer_syntax = file.transfer_syntax();
  instance.sop_class_uid = e.text(kSopClass);
  instance.sop_instance_uid = e.text(kSopInstance);
  // Some programs that leave out what may name a patient empty these two, but not their copies in the file's own group.
  if (instance.sop_class_uid.empty()) instance.sop_class_uid = file.meta().text(kMetaSopClass);
  if (instance.sop_instance_uid.empty()) instance.sop_instance_uid = file.meta().text(kMetaSopInstance);
  instance.study_uid = e.text(kStudy);
  instance.series_uid = e.text(kSeries);
  instance.frame_of_reference_uid = e.text(kFrameOfReference);
  instance.modality = e.text(kModality);
  instance.image_type = e.texts(kImageType);
  instance.series_number = static_cast<int>(std::clamp(e.number(kSeriesNumber).value_or(0), -1e9, 1e9));
  read_pixel_format(instance, e);
  instance.has_pixels = file.pixels().has_value();
  if (!instance.has_pixels) return instance;
  if (!is_known(instance.transfer_syntax))
    instance.damage = "its transfer syntax is not supported";
  else
    instance.damage = damage_of(file, instance);
  if (instance.damage.empty() && instance.frames > limits::dicom_planes)
    instance.damage = fmt::format("it has more frames than the limit, {}", limits::dicom_planes);
  if (instance.damage.empty()) read_planes(instance, e);  // so there are no more of them than the file can hold
  return instance;
}

}  // namespace nnunet::dicom
