#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "nnunet/infer/sliding_window.h"
#include "nnunet/infer/window_plan.h"

namespace nnunet {

/// Windows that hold one value in each channel, padding included: equal ones have equal outputs.
struct ConstantWindows {
  std::vector<std::optional<std::size_t>> of_job;  ///< which value, if any
  std::vector<std::int64_t> left;                  ///< by value: how many windows have it
};

ConstantWindows find_constant_windows(const VolumeView& volume, const WindowPlan& plan);

}  // namespace nnunet
