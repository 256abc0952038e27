#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/cuda/stages.h"

namespace nnunet::test {

/// How a GPU might order its work; results must not depend on it.
struct GridOrder {
  std::int64_t blocks = 3;
  bool backwards = false;  ///< threads and blocks
};

/// Does on the CPU what a CUDA kernel of these stages does (kernels/cuda/launch.h).
template <class Stage>
void run_stage(const GridOrder& order, const Stage& stage) {
  using namespace kernels::cuda;
  std::vector<double> shared(kSharedBytes / sizeof(double));
  for (std::int64_t b = 0; b < order.blocks; ++b) {
    std::memset(shared.data(), 0xff, kSharedBytes);  // NaN
    const std::int64_t block = order.backwards ? order.blocks - 1 - b : b;
    for (std::int64_t item = block; item < stage.items(); item += order.blocks)
      for (int number = 0; number < stage.steps(); ++number)
        for (int t = 0; t < kThreads; ++t)
          stage.step(number, item, order.backwards ? kThreads - 1 - t : t, shared.data());
  }
}

template <class... Stages>
void run_stages(const GridOrder& order, const Stages&... stages) {
  (run_stage(order, stages), ...);
}

}  // namespace nnunet::test
