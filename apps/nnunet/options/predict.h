#pragma once
#include <string>
#include <vector>

#include "dicom_seg.h"
#include "inference_options.h"
#include "nnunet/infer/image_prediction_options.h"
#include "nnunet/io/bids.h"
#include "part_options.h"

namespace nnunet::app {

struct PredictFlags {
  InferenceFlags inference;
  ImagePredictionOptions images;
  std::vector<std::string> dicom_series;  ///< UIDs, or "all"
  DicomObjectFlags object;
  DicomSendFlags send;
  BidsSelection bids;  ///< without channels: the input is no BIDS dataset
  PartOptions parts;
  bool data_given = false;  ///< --data is on the command line
  bool xml = false, filter_progress = false;
  bool benchmark = false;
  std::int64_t warmup = 5;
};

Command predict_command(PredictFlags& flags);

}  // namespace nnunet::app
