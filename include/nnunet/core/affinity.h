#pragma once
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Which CPUs each of the local ranks of a training computes on: near its GPU, and none of them on another's.
/// CPUs have the system's numbers; a list of them is ascending.
namespace nnunet {

/// The reference's modes, in the order of kAffinityModes.
enum class AffinityMode {
  kSocket,                   ///< all CPUs of the GPU's socket
  kSingle,                   ///< the first CPU of the GPU's socket (ranks of one socket share it)
  kSingleUnique,             ///< one CPU, of a core that no other rank has
  kSocketUniqueInterleaved,  ///< every n-th core of the socket (with its hyperthreads) for each of its n ranks
  kSocketUniqueContinuous,   ///< the socket's cores in n adjoining parts
  kDisabled,                 ///< as the system or the launcher has it
};
inline constexpr std::array<std::string_view, 6> kAffinityModes = {
    "socket", "single", "single_unique", "socket_unique_interleaved", "socket_unique_continuous", "disabled"};
inline constexpr std::string_view kDefaultAffinity = "socket_unique_interleaved";

/// Throws Error for a name that is not in kAffinityModes.
AffinityMode affinity_mode(std::string_view name);

/// What this process may use of the machine.
struct Topology {
  struct Cpu {
    int id;
    int core;    ///< the same for the hyperthreads of one core
    int socket;  ///< counts the sockets, or the memory nodes where a socket has several
  };
  std::vector<Cpu> cpus;               ///< ascending id
  std::vector<std::vector<int>> gpus;  ///< the CPUs near each GPU, usable or not, in CUDA's order; empty: not asked for
};

/// sys: where sysfs lies. What it does not tell is taken to be one socket without hyperthreads.
Topology read_topology(const std::vector<int>& usable, const std::filesystem::path& sys = "/sys");

struct Gpu {
  std::string uuid;       ///< "GPU-...", empty where not known
  std::vector<int> cpus;  ///< near it
};
/// All NVIDIA GPUs in the order of their bus addresses: from NVML where its library is there, else from sysfs.
std::vector<Gpu> nvml_gpus();
std::vector<Gpu> sysfs_gpus(const std::filesystem::path& sys = "/sys");
/// Those that CUDA_VISIBLE_DEVICES (numbers or beginnings of UUIDs; nullptr: all) lets CUDA see, in its order.
std::vector<Gpu> visible_gpus(const std::vector<Gpu>& all, const char* cuda_visible_devices);

/// The CPUs near each of local_size ranks: of rank i's GPU, topology.gpus[i]. Where one of the GPUs has no usable CPU
/// near it: as over sockets. None where there are fewer GPUs than ranks.
std::vector<std::vector<int>> homes_near_gpus(const Topology& topology, int local_size);
/// For ranks without GPUs: they are spread over the sockets in order, if that gives each as many cores; else each may
/// have its part of the whole.
std::vector<std::vector<int>> homes_over_sockets(const Topology& topology, int local_size);

/// The CPUs of one rank; none: leave it alone (kDisabled, or a socket has fewer cores than ranks, or homes overlap in
/// part). The "unique" modes never give one core to two ranks.
std::vector<int> cpus_for(AffinityMode mode, const Topology& topology, const std::vector<std::vector<int>>& homes,
                          int local_rank);

struct LocalRank {
  int rank = 0;
  int size = 1;
  bool on_gpu = false;  ///< rank i computes on the GPU that CUDA calls i
  /// Slurm and Open MPI may have given each rank CPUs of its own. Then an affinity narrower than the machine stays.
  bool may_be_bound = false;
};

/// Sets the affinity of all threads of this process (those started later inherit it) and logs the CPUs in a line, or
/// why nothing was changed. Returns the number of CPUs set, for the number of threads to compute with; 0: unchanged.
/// Early in main: OpenMP takes its default number of threads from the affinity when the program is loaded.
int apply_affinity(AffinityMode mode, const LocalRank& place);

/// CPUs that this process may use.
std::vector<int> usable_cpus();
/// "0-3,8,10-11", as the system writes lists of CPUs, and back. What is no number ends the list.
std::vector<int> parse_cpu_list(const std::string& text);
std::string format_cpu_list(const std::vector<int>& cpus);

}  // namespace nnunet
