#include "nnunet/core/affinity.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

using CpuList = std::vector<int>;

// The cores of a home with their hyperthreads, socket after socket.
std::vector<CpuList> cores_of(const CpuList& home, const Topology& topology) {
  std::map<std::pair<int, int>, CpuList> cores;
  for (const Topology::Cpu& cpu : topology.cpus)
    if (std::ranges::binary_search(home, cpu.id)) cores[{cpu.socket, cpu.core}].push_back(cpu.id);
  std::vector<CpuList> list;
  for (auto& [key, cpus] : cores) list.push_back(std::move(cpus));
  return list;
}

bool overlap(const CpuList& a, const CpuList& b) {
  return std::ranges::any_of(a, [&](int cpu) { return std::ranges::binary_search(b, cpu); });
}

// The ranks that share a home; none where another home overlaps with it in part.
std::vector<int> ranks_at(const CpuList& home, const std::vector<CpuList>& homes) {
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < homes.size(); ++rank) {
    if (homes[rank] == home)
      ranks.push_back(static_cast<int>(rank));
    else if (overlap(homes[rank], home))
      return {};
  }
  return ranks;
}

// Of n cores those of the sharer at `position` of `sharers`.
std::vector<std::size_t> share(AffinityMode mode, std::size_t n, std::size_t position, std::size_t sharers) {
  std::vector<std::size_t> mine;
  if (mode == AffinityMode::kSingleUnique)
    mine = {position};
  else if (mode == AffinityMode::kSocketUniqueInterleaved)
    for (std::size_t i = position; i < n; i += sharers) mine.push_back(i);
  else
    for (std::size_t i = position * n / sharers; i < (position + 1) * n / sharers; ++i) mine.push_back(i);
  return mine;
}

CpuList unique_cpus(AffinityMode mode, const Topology& topology, const std::vector<CpuList>& homes, int local_rank) {
  const CpuList& home = homes[static_cast<std::size_t>(local_rank)];
  const std::vector<CpuList> cores = cores_of(home, topology);
  const std::vector<int> ranks = ranks_at(home, homes);
  if (ranks.empty() || cores.size() < ranks.size()) return {};
  const auto position = static_cast<std::size_t>(std::ranges::find(ranks, local_rank) - ranks.begin());
  CpuList cpus;
  for (const std::size_t i : share(mode, cores.size(), position, ranks.size()))
    cpus.insert(cpus.end(), cores[i].begin(), cores[i].end());
  if (mode == AffinityMode::kSingleUnique) cpus.resize(1);
  std::ranges::sort(cpus);
  return cpus;
}

}  // namespace

AffinityMode affinity_mode(std::string_view name) {
  const auto found = std::ranges::find(kAffinityModes, name);
  if (found == kAffinityModes.end())
    throw Error("--affinity", fmt::format("'{}' is not a mode", name),
                fmt::format("give one of {}", fmt::join(kAffinityModes, ", ")));
  return static_cast<AffinityMode>(found - kAffinityModes.begin());
}

std::vector<CpuList> homes_over_sockets(const Topology& topology, int local_size) {
  std::map<int, CpuList> by_socket;
  CpuList all;
  for (const Topology::Cpu& cpu : topology.cpus) {
    by_socket[cpu.socket].push_back(cpu.id);
    all.push_back(cpu.id);
  }
  const auto size = static_cast<std::size_t>(local_size), sockets = by_socket.size();
  const std::vector<CpuList> same(size, all);
  const std::size_t homes = std::gcd(size, sockets);  // as many as both ranks and sockets can be divided into
  if (homes != std::min(size, sockets)) return same;
  std::vector<CpuList> parts(homes), result;
  std::size_t socket = 0;
  for (const auto& [number, cpus] : by_socket) {
    CpuList& part = parts[socket++ * homes / sockets];
    part.insert(part.end(), cpus.begin(), cpus.end());
  }
  for (CpuList& part : parts) std::ranges::sort(part);
  const auto cores = [&](const CpuList& part) { return cores_of(part, topology).size(); };
  if (std::ranges::any_of(parts, [&](const CpuList& part) { return cores(part) != cores(parts[0]); })) return same;
  for (std::size_t rank = 0; rank < size; ++rank) result.push_back(parts[rank * homes / size]);
  return result;
}

std::vector<CpuList> homes_near_gpus(const Topology& topology, int local_size) {
  const auto size = static_cast<std::size_t>(local_size);
  if (topology.gpus.size() < size) return {};
  std::vector<CpuList> homes(size);
  for (std::size_t rank = 0; rank < size; ++rank)
    for (const Topology::Cpu& cpu : topology.cpus)
      if (std::ranges::find(topology.gpus[rank], cpu.id) != topology.gpus[rank].end()) homes[rank].push_back(cpu.id);
  if (std::ranges::any_of(homes, &CpuList::empty)) return homes_over_sockets(topology, local_size);
  return homes;
}

CpuList cpus_for(AffinityMode mode, const Topology& topology, const std::vector<CpuList>& homes, int local_rank) {
  if (mode == AffinityMode::kDisabled || homes.empty()) return {};
  const CpuList& home = homes.at(static_cast<std::size_t>(local_rank));
  if (home.empty()) return {};
  if (mode == AffinityMode::kSocket) return home;
  if (mode == AffinityMode::kSingle) return {home.front()};
  return unique_cpus(mode, topology, homes, local_rank);
}

}  // namespace nnunet
