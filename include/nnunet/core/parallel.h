#pragma once
#include <cstdint>
#include <functional>

namespace nnunet {

/// Calls body(i) for every i in [0, count) on up to `threads` threads (0: one per core), each index once, in order of
/// start. After an exception no new index is started; the first one is rethrown when all threads have ended.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t)>& body);

/// body(begin, end) for pieces of [0, count), one a thread of OpenMP's team: of at least `grain` indices, so that small
/// work stays on this thread, as does work that a thread of a team asks for. The first exception is rethrown.
void parallel_ranges(std::int64_t count, std::int64_t grain,
                     const std::function<void(std::int64_t begin, std::int64_t end)>& body);

/// Number of cores this process may use (affinity respected), at least 1.
int available_cores();

}  // namespace nnunet
