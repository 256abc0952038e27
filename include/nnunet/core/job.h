#pragma once
#include <string>

namespace nnunet {

/// This process's place among those that a launcher started for one job.
struct JobPlace {
  int rank = 0, size = 1;              ///< among all of them
  int local_rank = 0, local_size = 1;  ///< among those on this machine
  std::string master_address;          ///< where rank 0 runs; empty when nobody else is there and none was given
  int master_port = 0;                 ///< free for the job's own use; 0 likewise
  std::string launcher;                ///< "torchrun", "openmpi", "slurm"; empty: the process was started alone
};

/// From the environment, the innermost launcher first:
/// - torchrun: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT.
/// - Open MPI: OMPI_COMM_WORLD_{RANK,SIZE,LOCAL_RANK,LOCAL_SIZE}. Which machine rank 0 has is not said: with several,
///   MASTER_ADDR is needed.
/// - Slurm, in a step of several tasks (srun; the shell of a batch script is none): SLURM_PROCID, SLURM_STEP_NUM_TASKS
///   or SLURM_NTASKS, SLURM_LOCALID, and the tasks a node. The address is the first host of the step's list, the port
///   follows from job and step.
/// MASTER_ADDR and MASTER_PORT count under any of them. Throws Error naming the variable that is malformed or missing.
JobPlace job_place();

/// Cores for this process: those it may use, shared among the processes of its machine where the launcher has not done
/// so. At least 1.
int cores_for(const JobPlace& place);

}  // namespace nnunet
