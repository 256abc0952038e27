#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "command.h"

namespace nnunet::app {

struct DicomFlags {
  std::filesystem::path input, output;
  std::vector<std::string> series;  ///< UIDs, or "all"
  bool overwrite = false;
};

Command dicom_command(DicomFlags& flags);

}  // namespace nnunet::app
