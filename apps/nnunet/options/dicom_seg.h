#pragma once
#include <optional>

#include "command.h"
#include "nnunet/dicom/object.h"

namespace nnunet::app {

/// What label maps are written as.
struct DicomObjectFlags {
  std::optional<dicom::ObjectType> type;  ///< none: dicom-seg writes binary, predict NIfTI
  std::filesystem::path labels_json;
  bool anonymous = false;
};

/// Where objects are sent; empty: nowhere.
struct DicomSendFlags {
  std::string send_to;
  std::string aet = "NNUNET";
  std::filesystem::path trust, certificate, key, api_key_file;
};

struct DicomSegFlags {
  std::filesystem::path labels, series, output;
  std::vector<std::string> dicom_series;  ///< a UID
  DicomObjectFlags object;
  DicomSendFlags send;
  bool overwrite = false;
};

template <class File>
Option labels_json(File& value) {
  return option("--labels_json", value,
                "Names, SNOMED codes and colours of the labels, or a dataset.json for the names alone; names that are "
                "well known need no codes");
}

/// --dicom_seg, --labels_json, --anonymous.
std::vector<Option> dicom_object_options(DicomObjectFlags& flags);

/// The same for label maps that are NIfTI without --dicom_seg.
std::vector<Option> series_object_options(DicomObjectFlags& flags);

/// --send_to and what goes with it.
std::vector<Option> dicom_send_options(DicomSendFlags& flags);

Command dicom_seg_command(DicomSegFlags& flags);

}  // namespace nnunet::app
