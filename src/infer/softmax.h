#pragma once
#include <cstdint>

namespace nnunet {

/// Logits (K, count), a class's values side by side, to probabilities that sum to 1 at each place, in place.
void softmax_classes(float* values, std::int64_t classes, std::int64_t count);

/// Logits to the probabilities 1 / (1 + exp(-x)), in place.
void sigmoid(float* values, std::int64_t count);
/// The smallest logit whose probability is above a half, as float32 computes it.
float least_likely_logit();

}  // namespace nnunet
