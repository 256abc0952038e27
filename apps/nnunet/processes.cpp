#include "processes.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/core/affinity.h"
#include "nnunet/core/job.h"
#include "nnunet/core/local_processes.h"
#include "nnunet/torch_bridge/device.h"
#include "run_program.h"

namespace nnunet::app {

namespace {

/// This program and its arguments. A name such as nnUNetv2_train says which command it is.
std::vector<std::string> own_command() {
  std::vector<std::string> command = own_arguments();
  const std::string name = std::filesystem::path(command.at(0)).filename().string();
  command.at(0) = std::filesystem::read_symlink("/proc/self/exe").string();
  if (constexpr std::string_view prefix = "nnUNetv2_"; name.starts_with(prefix))
    command.insert(command.begin() + 1, {"v2", name.substr(prefix.size())});
  return command;
}

}  // namespace

std::optional<int> run_as_processes(const TrainOptions& o, int procs) {
  const int count = o.compute.gpus > 1 ? o.compute.gpus : procs;
  if (count == 1 || job_place().size > 1) return std::nullopt;
  if (o.compute.gpus > 1) choose_torch_device(o.compute.gpus);  // a clear message before anything is started
  LocalProcessOptions options;
  options.grace = std::chrono::seconds(std::min<std::int64_t>(o.dist_timeout, 30));
  return run_local_processes(own_command(), count, options);
}

void start_processes(const TrainOptions& o, int procs) {
  const auto code = run_as_processes(o, procs);
  if (code) end_program(*code);
}

void bind_to_cores(const TrainOptions& o) {
  const JobPlace place = job_place();
  if (place.size == 1) return;
  const bool on_gpu = o.compute.gpus != 0 && torch::cuda::is_available();
  const LocalRank rank{place.local_rank, place.local_size, on_gpu, place.launcher != "torchrun"};
  if (const int cpus = apply_affinity(affinity_mode(o.affinity), rank); cpus > 0 && !on_gpu)
    torch::set_num_threads(cpus);
}

}  // namespace nnunet::app
