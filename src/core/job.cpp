#include "nnunet/core/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"

namespace nnunet {

namespace {

using Names = std::initializer_list<const char*>;

/// The first of these variables that is set, and not to nothing.
struct Variable {
  std::string name, value;
};
std::optional<Variable> find(Names names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return Variable{name, value};
  }
  return std::nullopt;
}

[[noreturn]] void fail(const std::string& variable, const std::string& problem) {
  throw Error(variable, problem, "start the program with torchrun, srun or mpirun, or unset the launcher's variables");
}

Variable require(Names names) {
  if (auto found = find(names)) return *found;
  fail(fmt::format("{}", fmt::join(names, " or ")), "the launcher did not set this variable");
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::int64_t number(const Variable& v, std::int64_t low, std::int64_t high) {
  const auto value = whole_number(v.value);
  if (!value || *value < low || *value > high)
    fail(v.name, fmt::format("\"{}\" is not a whole number from {} to {}", v.value, low, high));
  return *value;
}

constexpr std::int64_t max_processes = 1 << 20;

int count(Names names) {
  return static_cast<int>(number(require(names), 1, max_processes));
}
int index(Names names, int size) {
  return static_cast<int>(number(require(names), 0, size - 1));
}

/// Below the ports that systems give out by themselves (32768 on Linux), so that nobody has it by chance.
int port_for(std::uint64_t key) {
  constexpr std::uint64_t first = 15000, ports = 16384;
  return static_cast<int>(first + key % ports);
}

/// MASTER_ADDR and MASTER_PORT, where they are given.
void read_meeting_point(JobPlace& place) {
  if (const auto address = find({"MASTER_ADDR"})) place.master_address = address->value;
  if (const auto port = find({"MASTER_PORT"})) place.master_port = static_cast<int>(number(*port, 1, 65535));
}

JobPlace from_torchrun() {
  JobPlace place;
  place.launcher = "torchrun";
  place.size = count({"WORLD_SIZE"});
  place.rank = index({"RANK"}, place.size);
  place.local_size = count({"LOCAL_WORLD_SIZE"});
  place.local_rank = index({"LOCAL_RANK"}, place.local_size);
  if (place.size > 1)
    for (const char* name : {"MASTER_ADDR", "MASTER_PORT"}) require({name});
  read_meeting_point(place);
  return place;
}

JobPlace from_open_mpi() {
  JobPlace place;
  place.launcher = "openmpi";
  place.size = count({"OMPI_COMM_WORLD_SIZE"});
  place.rank = index({"OMPI_COMM_WORLD_RANK"}, place.size);
  place.local_size = count({"OMPI_COMM_WORLD_LOCAL_SIZE"});
  place.local_rank = index({"OMPI_COMM_WORLD_LOCAL_RANK"}, place.local_size);
  // A name that is the same for all processes of the job, and for no other job.
  const auto job = find({"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_ess_jobid"});
  place.master_address = "127.0.0.1";
  place.master_port = port_for(job ? std::hash<std::string>()(job->value) : 0);
  read_meeting_point(place);
  if (place.local_size < place.size && !find({"MASTER_ADDR"}))
    throw Error("MASTER_ADDR", "the job runs on several machines, and Open MPI does not say where rank 0 is",
                "give it: mpirun -x MASTER_ADDR=HOST with the first host");
  return place;
}

/// "node[03-05,9],x" -> "node03"; "rack[1-2]n[7,9]" -> "rack1n7".
std::string first_host(const Variable& list) {
  std::string host;
  const std::string_view text = list.value;
  for (std::size_t i = 0; i < text.size() && text[i] != ','; ++i) {
    if (text[i] != '[') {
      host += text[i];
      continue;
    }
    const std::size_t close = text.find(']', i), end = text.find_first_of("-,]", i);
    if (close == std::string_view::npos || end == i + 1) fail(list.name, fmt::format("\"{}\" is no host list", text));
    host += text.substr(i + 1, end - i - 1);
    i = close;
  }
  if (host.empty()) fail(list.name, fmt::format("\"{}\" is no host list", text));
  return host;
}

/// "2(x3),1" -> {2, 2, 2, 1}: tasks of each node.
std::vector<int> tasks_of_nodes(const Variable& list) {
  std::vector<int> tasks;
  std::string_view rest = list.value;
  const auto bad = [&] { fail(list.name, fmt::format("\"{}\" is no list of tasks a node", list.value)); };
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    const std::size_t open = item.find("(x");
    const auto each = whole_number(item.substr(0, open));
    std::optional<std::int64_t> times = 1;
    if (open != std::string_view::npos)
      times = item.back() == ')' ? whole_number(item.substr(open + 2, item.size() - open - 3)) : std::nullopt;
    if (!each || !times || *each < 1 || *times < 1 || *each > max_processes ||
        *times > max_processes - static_cast<std::int64_t>(tasks.size()))
      bad();
    tasks.insert(tasks.end(), static_cast<std::size_t>(*times), static_cast<int>(*each));
    if (comma == std::string_view::npos) return tasks;
    rest.remove_prefix(comma + 1);
  }
}

int slurm_local_size() {
  const auto list = find({"SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"});
  if (!list) return count({"SLURM_NTASKS_PER_NODE"});
  const std::vector<int> tasks = tasks_of_nodes(*list);
  if (std::all_of(tasks.begin(), tasks.end(), [&](int n) { return n == tasks.front(); })) return tasks.front();
  return tasks[static_cast<std::size_t>(index({"SLURM_NODEID"}, static_cast<int>(tasks.size())))];
}

/// The step that this process is a task of; nothing in the shell of sbatch or salloc, which have no step or one of the
/// numbers that Slurm keeps for itself (SLURM_MAX_NORMAL_STEP_ID in slurm.h).
std::optional<std::int64_t> slurm_step() {
  constexpr std::int64_t first_reserved = 0xfffffff0;
  const auto step = find({"SLURM_STEP_ID", "SLURM_STEPID"});
  if (!step || !find({"SLURM_PROCID"})) return std::nullopt;
  const std::int64_t id = number(*step, 0, 0xffffffff);
  return id < first_reserved ? std::optional(id) : std::nullopt;
}

JobPlace from_slurm(std::int64_t step) {
  JobPlace place;
  const int size = count({"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"});
  if (size == 1) return place;
  place.launcher = "slurm";
  place.size = size;
  place.rank = index({"SLURM_PROCID"}, place.size);
  place.local_size = slurm_local_size();
  place.local_rank = index({"SLURM_LOCALID"}, place.local_size);
  read_meeting_point(place);
  if (place.master_address.empty())
    place.master_address = first_host(require({"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"}));
  if (place.master_port == 0) {
    const std::int64_t job = number(require({"SLURM_JOB_ID", "SLURM_JOBID"}), 0, 0xffffffff);
    place.master_port = port_for(static_cast<std::uint64_t>(job + 1009 * step));  // steps may run beside each other
  }
  return place;
}

}  // namespace

JobPlace job_place() {
  // Batch scripts often export WORLD_SIZE for all tasks: only RANK tells that a launcher has set both.
  if (find({"RANK"}) || find({"TORCHELASTIC_RUN_ID"})) return from_torchrun();
  if (find({"OMPI_COMM_WORLD_SIZE"}) || find({"OMPI_COMM_WORLD_RANK"})) return from_open_mpi();
  if (const auto step = slurm_step()) return from_slurm(*step);
  return {};
}

int cores_for(const JobPlace& place) {
  const int mine = available_cores(), all = static_cast<int>(std::thread::hardware_concurrency());
  return mine < all ? mine : std::max(1, mine / place.local_size);
}

}  // namespace nnunet
