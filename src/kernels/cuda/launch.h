#pragma once
#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "nnunet/core/error.h"
#include "stages.h"

/// Runs stages on a GPU (nvcc only).
namespace nnunet::kernels::cuda {

inline void check(cudaError_t status, const char* kernel) {
  if (status != cudaSuccess)
    throw Error("CUDA kernel " + std::string(kernel), cudaGetErrorString(status),
                "use --gpus 0 for the CPU, or a build for this GPU (CMAKE_CUDA_ARCHITECTURES)");
}

template <class Stage>
__device__ void run_stage(const Stage& stage, void* shared) {
  const std::int64_t items = stage.items();
  const int steps = stage.steps();
  for (std::int64_t item = blockIdx.x; item < items; item += gridDim.x)
    for (int number = 0; number < steps; ++number) {
      stage.step(number, item, static_cast<int>(threadIdx.x), shared);
      __syncthreads();
    }
}

template <class First, class... Rest>
__global__ void __launch_bounds__(kThreads, 2) run_stages(const First first, const Rest... rest) {
  __shared__ alignas(16) unsigned char shared[kSharedBytes];
  run_stage(first, shared);
  ((cooperative_groups::this_grid().sync(), run_stage(rest, shared)), ...);
}

/// Blocks of this kernel that the current GPU holds at once: those of a grid that waits for itself must all be there.
inline int resident_blocks(const void* kernel, const char* name) {
  int device = 0, processors = 0, of_each = 0;
  check(cudaGetDevice(&device), name);
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), name);
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&of_each, kernel, kThreads, 0), name);
  return std::max(1, processors * of_each);
}

/// One kernel of all stages, one after the other.
template <class... Stages>
void launch(const char* name, void* stream, Stages... stages) {
  auto* const kernel = reinterpret_cast<const void*>(&run_stages<Stages...>);
  const std::int64_t wanted = std::max({stages.items()...});
  if (wanted == 0) return;
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(wanted, resident_blocks(kernel, name)));
  void* arguments[] = {&stages...};
  auto* const on = static_cast<cudaStream_t>(stream);
  if constexpr (sizeof...(Stages) == 1)
    check(cudaLaunchKernel(kernel, dim3(blocks), dim3(kThreads), arguments, 0, on), name);
  else
    check(cudaLaunchCooperativeKernel(kernel, dim3(blocks), dim3(kThreads), arguments, 0, on), name);
}

}  // namespace nnunet::kernels::cuda
