#pragma once
#include "command.h"
#include "nnunet/preprocess/options.h"
#include "part_options.h"

namespace nnunet::app {

struct PreprocessFlags {
  PreprocessOptions options;
  PartOptions parts;
};

Command preprocess_command(PreprocessFlags& flags);

}  // namespace nnunet::app
