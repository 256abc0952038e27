#pragma once
#include "command.h"
#include "nnunet/train/auto_options.h"

namespace nnunet::app {

struct AutoFlags {
  AutoOptions options;
  std::string device = "auto";
  bool amp = false, fp32 = false;
};

Command auto_command(AutoFlags& flags);

}  // namespace nnunet::app
