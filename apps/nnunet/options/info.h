#pragma once
#include "command.h"

namespace nnunet::app {

struct InfoFlags {
  std::vector<std::filesystem::path> paths;
  bool json = false, tensors = false, machine = false;
};

Command info_command(InfoFlags& flags);

}  // namespace nnunet::app
