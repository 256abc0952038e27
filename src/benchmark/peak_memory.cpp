#include "peak_memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>

#include <fstream>
#include <string>

namespace nnunet {

namespace {

// VmHWM; getrusage's maximum also counts what the parent had when it started this process.
double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    double kib = 0;
    if (status >> kib) return kib / 1024;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

double peak_memory_mib(torch::Device device) {
  if (device.is_cpu()) return resident_mib();
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(stats.allocated_bytes[all].peak) / 1048576;
}

}  // namespace nnunet
