#include "softmax.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nnunet {

void softmax_classes(float* values, std::int64_t classes, std::int64_t count) {
  const auto places = static_cast<std::size_t>(count);
  std::vector<float> most(values, values + count), sum(places, 0.0F);
  for (std::int64_t k = 1; k < classes; ++k)
    for (std::size_t i = 0; i < places; ++i)
      most[i] = std::max(most[i], values[k * count + static_cast<std::int64_t>(i)]);
  for (std::int64_t k = 0; k < classes; ++k) {
    float* v = values + k * count;
    for (std::size_t i = 0; i < places; ++i) {
      v[i] = std::exp(v[i] - most[i]);
      sum[i] += v[i];
    }
  }
  for (std::int64_t k = 0; k < classes; ++k) {
    float* v = values + k * count;
    for (std::size_t i = 0; i < places; ++i) v[i] /= sum[i];
  }
}

}  // namespace nnunet
