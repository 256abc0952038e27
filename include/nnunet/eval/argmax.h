#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace nnunet {

/// Class of the largest logit (or probability) of every voxel; the first one wins a tie. values: class k's voxels from
/// k * class_stride on, classes in [1, 256]; labels (voxels). Returns false when a value is NaN.
bool argmax_classes(const float* values, std::int64_t classes, std::size_t class_stride,
                    std::span<std::uint8_t> labels);
bool argmax_classes(const double* values, std::int64_t classes, std::size_t class_stride,
                    std::span<std::uint8_t> labels);

}  // namespace nnunet
