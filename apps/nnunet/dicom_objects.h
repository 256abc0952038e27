#pragma once
#include <filesystem>
#include <optional>
#include <vector>

#include "nnunet/dicom/find_series.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/send.h"
#include "nnunet/infer/image_prediction_options.h"
#include "nnunet/plan/label_names.h"
#include "options/dicom_seg.h"

namespace nnunet::app {

/// Sends objects to where --send_to says, or nowhere. What is wrong with the options is said before any work.
class ObjectSender {
 public:
  explicit ObjectSender(const DicomSendFlags& flags);
  void send(const std::filesystem::path& file) const;

 private:
  std::optional<dicom::Destination> to_;
  dicom::SendOptions options_;
};

/// What objects say of labels: by --labels_json, else by these names.
dicom::ObjectOptions object_options(const DicomObjectFlags& flags, const std::vector<NamedValue>& names);

/// Writes label maps as objects, each of the series (of these) that its case is named for.
LabelWriter object_writer(const std::vector<dicom::FoundSeries>& series, dicom::ObjectOptions options,
                          dicom::ObjectType type);

}  // namespace nnunet::app
