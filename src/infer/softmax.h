#pragma once
#include <cstdint>

namespace nnunet {

/// Logits (K, count), a class's values side by side, to probabilities that sum to 1 at each place, in place.
void softmax_classes(float* values, std::int64_t classes, std::int64_t count);

}  // namespace nnunet
