#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "nnunet/infer/window_lane.h"

namespace nnunet {

/// What is done while a volume's windows go by. Exceptions of these end the pass.
struct LaneWatch {
  std::function<void(std::int64_t done, std::int64_t total)> windows = {};  ///< after each one that was added up
  std::function<void()> before_run = {};                                    ///< before each batch
  /// Has the network run, by another thread say; empty: here and now.
  std::function<void(const std::function<void()>& network)> run = {};
};

/// A lane that is watched.
std::unique_ptr<WindowLane> watched(std::unique_ptr<WindowLane> lane, LaneWatch watch);

}  // namespace nnunet
