#pragma once
#include <torch/torch.h>

#include <filesystem>
#include <functional>

namespace nnunet {

/// Runs `work` under torch's profiler and writes what it did to `path`, for chrome://tracing or Perfetto: operators,
/// kernels of a GPU, and the ranges of RECORD_USER_SCOPE. Under NVIDIA Nsight Systems the same ranges are sent to it as
/// NVTX instead, and no file is written. Returns whether a file was written.
bool write_trace(const std::filesystem::path& path, torch::Device device, const std::function<void()>& work);

}  // namespace nnunet
