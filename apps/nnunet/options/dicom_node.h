#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "dicom_seg.h"
#include "inference_options.h"
#include "nnunet/dicom/node.h"

namespace nnunet::app {

struct DicomNodeFlags {
  ModelFlags model;
  dicom::NodeOptions node;
  std::vector<std::string> allow;  ///< AET or AET@host
  DicomObjectFlags object;
  DicomSendFlags send;
  std::chrono::milliseconds drain{30000};  ///< for associations that are open after SIGTERM
};

Command dicom_node_command(DicomNodeFlags& flags);

}  // namespace nnunet::app
