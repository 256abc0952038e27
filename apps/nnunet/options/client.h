#pragma once
#include "command.h"
#include "dicom_seg.h"
#include "nnunet/client/segment_images.h"
#include "nnunet/infer/run_options.h"
#include "score.h"

namespace nnunet::app {

struct ClientFlags {
  RemoteSegmentationOptions images;
  DicomObjectFlags object;  ///< without labels_json: the server knows its labels
  std::filesystem::path api_key_file;
  std::filesystem::path lbls;
  ScoreFiles scores;
  CaseSelection cases{.data = {}};  ///< whose fold is meant; no data: all images
};

Command client_command(ClientFlags& flags);

}  // namespace nnunet::app
