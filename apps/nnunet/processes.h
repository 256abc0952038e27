#pragma once
#include <optional>

#include "nnunet/train/options.h"

/// Commands that run as several processes: of a launcher (torchrun, Slurm, Open MPI), or started here.
namespace nnunet::app {

/// Runs this command as --gpus or so many processes; their exit code. Nothing: it is one process, or one of several
/// already.
std::optional<int> run_as_processes(const TrainOptions& options, int procs);

/// Starts this command as --gpus or --procs processes, unless it is one of several already; ends the program with their
/// exit code.
void start_processes(const TrainOptions& options, int procs);

/// Binds this process to its cores (--affinity) where it is one of several.
void bind_to_cores(const TrainOptions& options);

}  // namespace nnunet::app
