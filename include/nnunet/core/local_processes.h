#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace nnunet {

struct LocalProcessOptions {
  /// environment[i] is added to that of rank i, before all else (may be shorter than the number of processes).
  std::vector<std::map<std::string, std::string>> environment;
  /// How long the others may go on after one has failed: they may notice by themselves, save and say why they stop.
  std::chrono::seconds grace{30};
};

/// Runs `count` copies of a command on this machine, as the ranks of one group, and waits for all of them.
/// command[0] is the path of the program (this one: the target of /proc/self/exe), not searched in PATH.
///
/// Each finds in its environment RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR (127.0.0.1), MASTER_PORT
/// (free, and kept from other programs until rank 0 listens there with SO_REUSEADDR, as c10d's TCPStore does) and,
/// unless it is set already, OMP_NUM_THREADS: the usable CPUs divided by count, at least 1. Standard output and error
/// are those of this process; the input is empty.
///
/// SIGINT, SIGTERM and SIGHUP to this process go on to all of them, each time one comes; each runs in a process group
/// of its own, so Ctrl-C on the terminal reaches them once. None outlives this process, however that ends (SIGKILL).
/// When one fails the others get options.grace, then SIGTERM, 5 s later SIGKILL; the log says which failed and how.
///
/// Returns 0 if all succeeded, else the exit code of the first that failed (128 + signal where one ended it).
/// Throws Error if the command cannot be started. To be called while this process has a single thread: any other would
/// take the signals.
int run_local_processes(const std::vector<std::string>& command, int count, const LocalProcessOptions& options = {});

}  // namespace nnunet
