#pragma once
#include "command.h"
#include "nnunet/train/options.h"

namespace nnunet::app {

struct TrainFlags {
  TrainOptions options;
  int procs = 1;  ///< to start on this machine
};

Command train_command(TrainFlags& flags);

}  // namespace nnunet::app
