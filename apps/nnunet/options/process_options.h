#pragma once
#include "command.h"
#include "nnunet/train/options.h"

namespace nnunet::app {

/// Commands that run as several processes: of a launcher (torchrun, Slurm, Open MPI), or started here.
Group process_options(TrainOptions& options, int& procs);

}  // namespace nnunet::app
