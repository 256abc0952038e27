#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include "dicom/dcmtk/elements.h"
#include "nnunet/dicom/series.h"
#include "reference/shared.h"

/// A series in files, with all that may say who somebody is.
namespace nnunet::dicom::test {

struct Person {
  std::string name = "Doe^Jane", character_set = "ISO_IR 100";
};

/// Oblique, so that no axis stands for another: rows towards (0.6,0.8,0), columns towards (0,0,-1).
inline Series make_series(const nnunet::test::TempFolder& folder, std::array<std::int64_t, 3> shape,
                          const Person& person = {}) {
  Series s{.study_uid = "1.2.3.4",
           .series_uid = "1.2.3.4.5",
           .frame_of_reference_uid = "1.2.3.4.6",
           .modality = "CT",
           .row = {0.6, 0.8, 0},
           .column = {0, 0, -1},
           .spacing = {2.5, 0.75, 0.5},
           .shape = shape,
           .frames = {}};
  const std::array<double, 3> normal{-0.8, 0.6, 0};
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    Frame f{.file = folder / ("slice" + std::to_string(z) + ".dcm"),
            .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
            .sop_instance_uid = "1.2.3.4.5." + std::to_string(z + 1)};
    for (std::size_t i = 0; i < 3; ++i)
      f.position[i] = 10.25 * static_cast<double>(i) + normal[i] * 2.5 * static_cast<double>(z);
    s.frames.push_back(f);
  }
  for (const Frame& f : s.frames) {
    DcmFileFormat file;
    DcmDataset& d = *file.getDataset();
    if (!person.character_set.empty()) put(d, DCM_SpecificCharacterSet, EVR_CS, person.character_set);
    put(d, DCM_SOPClassUID, EVR_UI, f.sop_class_uid);
    put(d, DCM_SOPInstanceUID, EVR_UI, f.sop_instance_uid);
    put(d, DCM_StudyInstanceUID, EVR_UI, s.study_uid);
    put(d, DCM_SeriesInstanceUID, EVR_UI, s.series_uid);
    put(d, DCM_FrameOfReferenceUID, EVR_UI, s.frame_of_reference_uid);
    put(d, DCM_Modality, EVR_CS, "CT");
    put(d, DCM_PatientName, EVR_PN, person.name);
    put(d, DCM_PatientID, EVR_LO, "PATIENT-17");
    put(d, DCM_PatientBirthDate, EVR_DA, "19560728");
    put(d, DCM_StudyDate, EVR_DA, "20230405");
    put(d, DCM_AccessionNumber, EVR_SH, "ACC-9");
    put(d, DCM_InstitutionName, EVR_LO, "Hospital of Nowhere");
    put(d, DCM_PatientAddress, EVR_LO, "Lane 5");
    put(d, DCM_StudyDescription, EVR_LO, "Knee of Jane");
    put(d, DCM_ImageOrientationPatient, EVR_DS, decimals(s.row) + '\\' + decimals(s.column));
    put(d, DCM_ImagePositionPatient, EVR_DS, decimals(f.position));
    put(d, DCM_PixelSpacing, EVR_DS, decimals(std::array{s.spacing[1], s.spacing[2]}));
    put(d, DCM_Rows, static_cast<std::uint16_t>(shape[1]));
    put(d, DCM_Columns, static_cast<std::uint16_t>(shape[2]));
    put(d, DCM_BitsAllocated, 8);
    put_bytes(d, DCM_PixelData, std::vector<std::uint8_t>(static_cast<std::size_t>(shape[1] * shape[2])));
    require(file.saveFile(f.file.c_str(), EXS_LittleEndianExplicit));
  }
  return s;
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A DICOM file as it is found.
class ReadBack {
 public:
  explicit ReadBack(const std::filesystem::path& path) { require(file_.loadFile(path.c_str())); }

  DcmDataset& data() { return *file_.getDataset(); }
  void save(const std::filesystem::path& path) { require(file_.saveFile(path.c_str(), EXS_LittleEndianExplicit)); }
  std::string text(const DcmTagKey& tag) { return text(data(), tag); }
  static std::string text(DcmItem& item, const DcmTagKey& tag) {
    OFString value;
    item.findAndGetOFStringArray(tag, value);
    return value.c_str();
  }
  static std::size_t count(DcmItem& item, const DcmTagKey& sequence) {
    DcmSequenceOfItems* items = nullptr;
    return item.findAndGetSequence(sequence, items).good() ? items->card() : 0;
  }
  static DcmItem& item(DcmItem& from, const DcmTagKey& sequence, std::size_t number = 0) {
    DcmItem* found = nullptr;
    require(from.findAndGetSequenceItem(sequence, found, static_cast<long>(number)));
    return *found;
  }

 private:
  DcmFileFormat file_;
};

}  // namespace nnunet::dicom::test
