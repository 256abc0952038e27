#include "dicom/dcmtk/modules.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <set>
#include <stdexcept>
#include <system_error>

#include "dicom/dcmtk/instance_stream.h"
#include "dicom/uids.h"
#include "io/posix_file.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/version.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet::dicom {
namespace {

constexpr const char* kMaker = "nnunet";
constexpr const char* kUnicode = "ISO_IR 192";

bool is_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80U; });
}

std::string text_of(const Code& code) {
  return code.value + code.scheme + code.meaning;
}

/// All that the object says in words of our own.
std::string own_text(const ObjectOptions& options) {
  std::string text = options.algorithm + options.description;
  for (const Segment& segment : options.segments) {
    text += segment.name;
    if (!segment.structure) continue;
    text += text_of(segment.structure->category) + text_of(segment.structure->type);
    for (const auto* code : {&segment.structure->modifier, &segment.structure->region, &segment.structure->region_side})
      if (*code) text += text_of(**code);
  }
  return text;
}

/// Copies all that ever is of what may say who somebody is: what the two modules demand. Gives back whether it is
/// ASCII.
bool copy_identity(DcmDataset& object, const SourceHeader& source, bool anonymous) {
  const auto identifying = std::to_array<std::pair<DcmTagKey, DcmEVR>>({{DCM_PatientName, EVR_PN},
                                                                        {DCM_PatientID, EVR_LO},
                                                                        {DCM_PatientBirthDate, EVR_DA},
                                                                        {DCM_PatientSex, EVR_CS},
                                                                        {DCM_StudyDate, EVR_DA},
                                                                        {DCM_StudyTime, EVR_TM},
                                                                        {DCM_ReferringPhysicianName, EVR_PN},
                                                                        {DCM_StudyID, EVR_SH},
                                                                        {DCM_AccessionNumber, EVR_SH}});
  bool ascii = true;
  for (const auto& [tag, kind] : identifying) {
    const std::string text = anonymous ? "" : source.text(tag);
    ascii = ascii && is_ascii(text);
    put(object, tag, kind, text);
  }
  return ascii;
}

/// A data set has one character set: the source's, or where our own words need more, Unicode for both.
void put_character_set(DcmDataset& object, const std::string& source_set, bool source_ascii, bool own_ascii,
                       const std::filesystem::path& file) {
  if (!source_set.empty()) put(object, DCM_SpecificCharacterSet, EVR_CS, source_set);
  if (own_ascii) return;
  // Text of ISO 2022 looks like ASCII, but is not.
  if (source_set.empty() ? !source_ascii : object.convertToUTF8().bad())
    throw Error(file.string(),
                "has letters of a character set that is not known, and the labels' names need another one",
                "give the labels ASCII names, or write the object without what names the patient (anonymous)");
  put(object, DCM_SpecificCharacterSet, EVR_CS, kUnicode);
}

void put_patient_and_study(DcmDataset& object, const SourceHeader& source, const Series& series,
                           const ObjectOptions& options) {
  const bool ascii = copy_identity(object, source, options.anonymous);
  put_character_set(object, options.anonymous ? "" : source.text(DCM_SpecificCharacterSet), ascii,
                    is_ascii(own_text(options)), series.frames.front().file);
  put(object, DCM_StudyInstanceUID, EVR_UI, series.study_uid);
  if (!options.anonymous) return;
  put(object, DCM_PatientIdentityRemoved, EVR_CS, "YES");
  put(object, DCM_DeidentificationMethod, EVR_LO, "Identifying attributes left out");
}

void put_series_and_equipment(DcmDataset& object, const ObjectKind& kind, const ObjectOptions& options) {
  put(object, DCM_Modality, EVR_CS, kind.modality);
  put(object, DCM_SeriesInstanceUID, EVR_UI, new_uid());
  put(object, DCM_SeriesNumber, EVR_IS, std::to_string(options.series_number));
  put(object, DCM_SeriesDescription, EVR_LO, series_description(options.description));
  put(object, DCM_Manufacturer, EVR_LO, kMaker);
  put(object, DCM_ManufacturerModelName, EVR_LO, kMaker);
  put(object, DCM_DeviceSerialNumber, EVR_LO, program_version());
  put(object, DCM_SoftwareVersions, EVR_LO, program_version());
}

}  // namespace

std::string series_description(std::string_view description) {
  constexpr std::string_view warning = ", not a medical device";
  constexpr std::size_t most = 64 - warning.size();
  std::string text = short_text(description);
  while (text.size() > most && !text.empty()) {  // as a whole character
    const bool continues = (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U;
    text.pop_back();
    if (!continues && text.size() <= most) break;
  }
  return text.append(warning);
}

void put_common_modules(DcmDataset& object, const ObjectKind& kind, const Series& series,
                        const ObjectOptions& options) {
  const SourceHeader source(series.frames.front().file);
  if (series.invented_uids)
    log::warn(
        "the series has empty or invalid UIDs: an archive will not find the instances that the object refers to by the "
        "UIDs made up for them");
  put_patient_and_study(object, source, series, options);
  put_series_and_equipment(object, kind, options);
  put(object, DCM_FrameOfReferenceUID, EVR_UI, series.frame_of_reference_uid);
  source.copy(DCM_PositionReferenceIndicator, EVR_LO, object);
  put(object, DCM_SOPClassUID, EVR_UI, kind.sop_class);
  put(object, DCM_SOPInstanceUID, EVR_UI, new_uid());
  put(object, DCM_InstanceNumber, EVR_IS, "1");
}

Moment now() {
  const std::tm local = fmt::localtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  return {fmt::format("{:%Y%m%d}", local), fmt::format("{:%H%M%S}", local)};
}

void put_reference(DcmItem& item, const Frame& frame) {
  put(item, DCM_ReferencedSOPClassUID, EVR_UI, frame.sop_class_uid);
  put(item, DCM_ReferencedSOPInstanceUID, EVR_UI, frame.sop_instance_uid);
  if (frame.number > 0) put(item, DCM_ReferencedFrameNumber, EVR_IS, std::to_string(frame.number));
}

void put_instances(DcmItem& item, const DcmTagKey& sequence, const Series& series) {
  std::set<std::string> seen;
  for (const Frame& frame : series.frames) {
    if (!seen.insert(frame.sop_instance_uid).second) continue;
    DcmItem& entry = add_item(item, sequence);
    put(entry, DCM_ReferencedSOPClassUID, EVR_UI, frame.sop_class_uid);
    put(entry, DCM_ReferencedSOPInstanceUID, EVR_UI, frame.sop_instance_uid);
  }
}

void put_algorithm(DcmItem& item, const DcmTagKey& sequence, const ObjectOptions& options) {
  DcmItem& algorithm = add_item(item, sequence);
  put_code(algorithm, DCM_AlgorithmFamilyCodeSequence, {"123110", "DCM", "Artificial Intelligence"});
  put(algorithm, DCM_AlgorithmName, EVR_LO, short_text(options.algorithm));
  put(algorithm, DCM_AlgorithmVersion, EVR_LO, program_version());
  put(algorithm, DCM_AlgorithmSource, EVR_LO, kMaker);
}

void save(DcmFileFormat& object, E_TransferSyntax syntax, const std::filesystem::path& path) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    write_parts(temporary, {});
    InstanceStream file(temporary, std::numeric_limits<std::uint64_t>::max());
    DcmWriteCache cache;
    object.transferInit();
    const OFCondition written =
        object.write(file.stream(), syntax, EET_ExplicitLength, &cache, EGL_recalcGL, EPD_noChange);
    object.transferEnd();
    if (const int reason = file.finish(); reason != 0) throw std::system_error(reason, std::generic_category());
    if (written.bad()) throw std::runtime_error(written.text());
  });
}

}  // namespace nnunet::dicom
