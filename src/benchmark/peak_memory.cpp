#include "peak_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include "nnunet/core/memory.h"

namespace nnunet {

double peak_memory_mib(torch::Device device) {
  constexpr double kMib = 1 << 20;
  if (device.is_cpu()) return static_cast<double>(peak_memory()) / kMib;
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<double>(stats.allocated_bytes[all].peak) / kMib;
}

}  // namespace nnunet
