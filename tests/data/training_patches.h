#pragma once
#include <cmath>

#include "nnunet/data/training_patch.h"

namespace nnunet::test {

/// The input of the reference numbers: sin(0.37 i) + 0.5 cos(0.011 i), in double, then float.
inline TrainingPatch formula_patch(std::int64_t channels, const Shape3& size) {
  TrainingPatch patch{Array<float>({channels, size[0], size[1], size[2]}), {}};
  for (std::size_t i = 0; i < patch.image.values.size(); ++i) {
    const auto x = static_cast<double>(i);
    patch.image.values[i] = static_cast<float>(std::sin(0.37 * x) + 0.5 * std::cos(0.011 * x));
  }
  return patch;
}

inline TrainingPatch patch_of(std::vector<float> values, const Shape3& size) {
  TrainingPatch patch{Array<float>({1, size[0], size[1], size[2]}), {}};
  patch.image.values = std::move(values);
  return patch;
}

}  // namespace nnunet::test
