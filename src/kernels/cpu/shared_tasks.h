#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace nnunet::kernels {

/// Tasks 0 to count - 1 for the threads of a parallel region. A thread takes a run of its own first, always the same
/// one, and then what is left of the others'. Tasks follow the voxels of a tensor, so a thread reads, layer after
/// layer, mostly what it has written; on machines of several NUMA nodes that lies in its own node's memory, for a page
/// belongs to the node that touches it first and nothing but these tasks touches fresh memory.
class SharedTasks {
 public:
  SharedTasks(std::int64_t count, int threads) : runs_(static_cast<std::size_t>(std::max(threads, 1))) {
    const auto n = static_cast<std::int64_t>(runs_.size());
    for (std::int64_t t = 0; t < n; ++t) {
      runs_[static_cast<std::size_t>(t)].next = count * t / n;
      runs_[static_cast<std::size_t>(t)].end = count * (t + 1) / n;
    }
  }

  /// Calls task(i) until none is left; once by each thread, numbered from 0.
  template <class Task>
  void work(int thread, const Task& task) {
    const std::size_t n = runs_.size();
    for (std::size_t i = 0; i < n; ++i) {
      Run& run = runs_[(static_cast<std::size_t>(thread) + i) % n];
      for (std::int64_t at = run.next++; at < run.end; at = run.next++) task(at);
    }
  }

 private:
  struct alignas(64) Run {  // a cache line each
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };
  std::vector<Run> runs_;
};

}  // namespace nnunet::kernels
