#include "process_options.h"

namespace nnunet::app {

Group process_options(TrainOptions& o, int& procs) {
  return {"Several processes (torchrun, Slurm and Open MPI are recognised)",
          {
              option("--procs", procs, "Processes to start on this machine's CPU; with GPUs --gpus says how many")
                  .positive(),
              option("--sync_batchnorm", o.sync_batchnorm, "Batch norm over the batches of all processes"),
              option("--local_dice", o.local_dice,
                     "Each process's Dice loss over its own batch, as in the reference system, and not over the whole "
                     "batch"),
              option("--dist_timeout", o.dist_timeout, "Seconds to wait for a process that does not answer")
                  .positive()
                  .in("s"),
              option("--affinity", o.affinity, "CPU cores of each process")
                  .one_of({kAffinityModes.begin(), kAffinityModes.end()}),
          }};
}

}  // namespace nnunet::app
