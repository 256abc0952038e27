#include "trace.h"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <cstdlib>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;
using torch::profiler::impl::ProfilerConfig;
using torch::profiler::impl::ProfilerState;

bool write_trace(const std::filesystem::path& path, torch::Device device, const std::function<void()>& work) {
  // Set by `nsys profile` for the programs it starts.
  const bool nvtx = device.is_cuda() && std::getenv("NSYS_PROFILING_SESSION_ID") != nullptr;
  const ProfilerConfig config(nvtx ? ProfilerState::NVTX : ProfilerState::KINETO);
  std::set<ActivityType> activities{ActivityType::CPU};
  if (device.is_cuda()) activities.insert(ActivityType::CUDA);
  if (!nvtx) profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(
      config, activities, {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION, at::RecordScope::USER_SCOPE});
  try {
    work();
  } catch (...) {
    profiler::disableProfiler();
    throw;
  }
  const auto result = profiler::disableProfiler();
  if (nvtx) return false;
  write_atomically(path, [&](const std::filesystem::path& temporary) { result->save(temporary.string()); });
  return true;
}

}  // namespace nnunet
