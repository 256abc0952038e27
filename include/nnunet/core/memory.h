#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace nnunet {

/// Bytes that this process can still take without swapping: the system's estimate, or what is left below the limit of
/// its control group. 0 where neither is known.
std::int64_t available_memory();
/// Most bytes that this process has held in memory so far. 0 where it is not known.
std::int64_t peak_memory();

/// "512 MiB", "2.4 GiB".
std::string format_bytes(std::int64_t bytes);

/// Lets workers start only what fits into memory together. One that alone needs more than there is starts when nothing
/// else runs.
class MemoryBudget {
 public:
  /// limit: bytes; 0: no limit.
  explicit MemoryBudget(std::int64_t limit) : limit_(limit) {}

  /// Holds a share of the budget while it lives.
  class Share {
   public:
    Share(MemoryBudget& budget, std::int64_t bytes) : budget_(budget), bytes_(bytes) { budget_.take(bytes); }
    ~Share() { budget_.give_back(bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    MemoryBudget& budget_;
    std::int64_t bytes_;
  };

  std::int64_t limit() const { return limit_; }

 private:
  void take(std::int64_t bytes);
  void give_back(std::int64_t bytes);

  const std::int64_t limit_;
  std::int64_t used_ = 0;
  std::mutex mutex_;
  std::condition_variable freed_;
};

}  // namespace nnunet
