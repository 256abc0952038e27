#include "nnunet/core/parallel.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace nnunet {

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body) {
  if (count <= 0) return;
  const auto workers = std::min<std::int64_t>(count, threads > 0 ? threads : available_cores());
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr first;
  std::mutex mutex;
  const auto work = [&] {
    for (std::int64_t i = next++; i < count && !failed; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        failed = true;
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (std::int64_t w = 1; w < workers; ++w) pool.emplace_back(work);
    work();
  }
  if (first) std::rethrow_exception(first);
}

void parallel_ranges(std::int64_t count, std::int64_t grain,
                     const std::function<void(std::int64_t, std::int64_t)>& body) {
  if (count <= 0) return;
  const std::int64_t pieces = (count + grain - 1) / std::max<std::int64_t>(1, grain);
  const auto threads = static_cast<int>(std::min<std::int64_t>(omp_get_max_threads(), pieces));
  if (threads <= 1 || omp_in_parallel() != 0) return body(0, count);
  std::exception_ptr first;
  std::mutex mutex;
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t team = omp_get_num_threads(), piece = (count + team - 1) / team;
    const std::int64_t begin = piece * omp_get_thread_num(), end = std::min(count, begin + piece);
    try {
      if (begin < end) body(begin, end);
    } catch (...) {  // must not leave the team
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace nnunet
