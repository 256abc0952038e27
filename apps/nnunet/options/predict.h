#pragma once
#include <string>
#include <vector>

#include "inference_options.h"
#include "nnunet/infer/image_prediction_options.h"
#include "part_options.h"

namespace nnunet::app {

struct PredictFlags {
  InferenceFlags inference;
  ImagePredictionOptions images;
  std::vector<std::string> dicom_series;  ///< UIDs, or "all"
  PartOptions parts;
  bool data_given = false;  ///< --data is on the command line
  bool benchmark = false;
  std::int64_t warmup = 5;
};

Command predict_command(PredictFlags& flags);

}  // namespace nnunet::app
