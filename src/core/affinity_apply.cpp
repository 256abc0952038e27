#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "nnunet/core/affinity.h"
#include "nnunet/core/log.h"

namespace nnunet {

namespace {

constexpr int kMostCpus = 8192;  // of Linux
using CpuSet = std::vector<cpu_set_t>;
constexpr std::size_t kSetBytes = kMostCpus / 8;

CpuSet empty_set() {
  return CpuSet(kSetBytes / sizeof(cpu_set_t), cpu_set_t{});
}

// Every thread that is there; one that ends meanwhile does not matter. 0, or the errno of the first that it fails for.
int set_for_all_threads(const std::vector<int>& cpus) {
  CpuSet set = empty_set();
  for (const int cpu : cpus) CPU_SET_S(static_cast<std::size_t>(cpu), kSetBytes, set.data());
  if (::sched_setaffinity(0, kSetBytes, set.data()) != 0) return errno;
  std::error_code none;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", none))
    if (::sched_setaffinity(std::atoi(thread.path().filename().c_str()), kSetBytes, set.data()) != 0 && errno != ESRCH)
      return errno;
  return 0;
}

bool narrower_than_the_machine(const std::vector<int>& usable) {
  std::string online;
  std::ifstream("/sys/devices/system/cpu/online") >> online;
  return usable.size() < parse_cpu_list(online).size();
}

std::vector<std::vector<int>> homes_of(const LocalRank& place, Topology& topology) {
  if (!place.on_gpu) return homes_over_sockets(topology, place.size);
  std::vector<Gpu> gpus = nvml_gpus();
  if (gpus.empty()) gpus = sysfs_gpus();
  for (const Gpu& gpu : visible_gpus(gpus, std::getenv("CUDA_VISIBLE_DEVICES"))) topology.gpus.push_back(gpu.cpus);
  return homes_near_gpus(topology, place.size);
}

}  // namespace

std::vector<int> usable_cpus() {
  CpuSet set = empty_set();
  std::vector<int> cpus;
  if (::sched_getaffinity(0, kSetBytes, set.data()) != 0) return cpus;
  for (int cpu = 0; cpu < kMostCpus; ++cpu)
    if (CPU_ISSET_S(static_cast<std::size_t>(cpu), kSetBytes, set.data())) cpus.push_back(cpu);
  return cpus;
}

int apply_affinity(AffinityMode mode, const LocalRank& place) {
  if (mode == AffinityMode::kDisabled) return 0;
  const std::string who = fmt::format("affinity {}: local rank {} of {}",
                                      kAffinityModes[static_cast<std::size_t>(mode)], place.rank, place.size);
  const std::vector<int> usable = usable_cpus();
  const auto unchanged = [&](const std::string& why) {
    log::info(fmt::format("{} stays on CPUs {}: {}", who, format_cpu_list(usable), why));
    return 0;
  };
  if (place.may_be_bound && narrower_than_the_machine(usable)) return unchanged("the launcher's choice");
  Topology topology = read_topology(usable);
  const auto homes = homes_of(place, topology);
  if (homes.empty()) return unchanged(fmt::format("{} GPUs are visible", topology.gpus.size()));
  const std::vector<int> cpus = cpus_for(mode, topology, homes, place.rank);
  if (cpus.empty()) return unchanged("too few cores for a share of its own");
  if (const int problem = set_for_all_threads(cpus); problem != 0) return unchanged(std::strerror(problem));
  log::info(fmt::format("{} on CPUs {}", who, format_cpu_list(cpus)));
  return static_cast<int>(cpus.size());
}

}  // namespace nnunet
