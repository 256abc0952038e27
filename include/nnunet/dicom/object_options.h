#pragma once
#include <string>
#include <vector>

#include "nnunet/dicom/codes.h"

namespace nnunet::dicom {

/// What an object says beside the voxels' labels.
struct ObjectOptions {
  std::vector<Segment> segments;               ///< of all values that may occur, ascending
  std::string algorithm = "nnU-Net (nnunet)";  ///< its name: of the model that made the labels, say
  std::string description = "Segmentation";    ///< of the series; ", not a medical device" follows
  int series_number = 1000;
  std::string labels_name = "label map";  ///< for messages: its file, say
  bool anonymous = false;  ///< leave empty what says who the patient is, and when and for whom the study was made
};

}  // namespace nnunet::dicom
