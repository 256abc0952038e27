#include "nnunet/core/memory.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>

namespace nnunet {

namespace {

// The number after a key of a file of lines such as "MemAvailable:   1234 kB".
std::int64_t number_after(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    std::int64_t value = 0;
    if (word == key && in >> value) return value;
  }
  return 0;
}

std::optional<std::int64_t> number_in(const char* file) {
  std::int64_t value = 0;
  if (std::ifstream(file) >> value) return value;  // "max" is none
  return std::nullopt;
}

// What a control group (container) leaves. Files that it has cached and does not use count as used there, but give way.
std::optional<std::int64_t> left_in_group() {
  struct Files {
    const char *limit, *used, *statistics, *cached;
  };
  constexpr Files versions[] = {
      {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
       "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"}};
  for (const Files& f : versions) {
    const auto limit = number_in(f.limit), used = number_in(f.used);
    if (limit && used) return std::max<std::int64_t>(*limit - *used + number_after(f.statistics, f.cached), 1);
  }
  return std::nullopt;
}

}  // namespace

std::int64_t available_memory() {
  const std::int64_t system = number_after("/proc/meminfo", "MemAvailable:") * 1024;
  const auto group = left_in_group();
  if (!group) return system;
  return system > 0 ? std::min(system, *group) : *group;
}

std::int64_t peak_memory() {
  return number_after("/proc/self/status", "VmHWM:") * 1024;
}

std::string format_bytes(std::int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1000 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

void MemoryBudget::take(std::int64_t bytes) {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return limit_ == 0 || used_ == 0 || used_ + bytes <= limit_; });
  used_ += bytes;
}

void MemoryBudget::give_back(std::int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
  }
  freed_.notify_all();
}

}  // namespace nnunet
