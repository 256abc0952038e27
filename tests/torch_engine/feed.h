#pragma once
#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "nnunet/infer/logit_sink.h"

namespace nnunet::test {

/// Streams whole logits (K,D,H,W) through a sink in blocks of so many lines. Lines that it may not read are null.
inline void feed(LogitSink& sink, const torch::Tensor& logits, std::int64_t z_step, std::int64_t y_step) {
  const Shape3 shape{logits.size(1), logits.size(2), logits.size(3)};
  sink.begin(logits.size(0), shape);
  for (std::int64_t z = 0; z < shape[0]; z += z_step)
    for (std::int64_t y = 0; y < shape[1]; y += y_step) {
      const std::int64_t z_end = std::min(shape[0], z + z_step), y_end = std::min(shape[1], y + y_step);
      std::vector<const void*> lines(static_cast<std::size_t>(shape[0] * shape[1]));
      for (std::int64_t i = std::max<std::int64_t>(0, z - 1); i < z_end; ++i)
        for (std::int64_t j = std::max<std::int64_t>(0, y - 1); j < y_end; ++j)
          lines[static_cast<std::size_t>(i * shape[1] + j)] = logits[0][i][j].const_data_ptr<float>();
      sink.take({logits.size(0), shape, logits.stride(0), z, z_end, y, y_end, lines.data()});
    }
}

}  // namespace nnunet::test
