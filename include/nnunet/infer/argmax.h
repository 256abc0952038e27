#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace nnunet {

/// Class of the largest logit of every voxel; the first one wins a tie. logits (classes, voxels) row-major,
/// classes in [1, 256]; labels (voxels).
void argmax_classes(std::span<const float> logits, std::int64_t classes, std::span<std::uint8_t> labels);

}  // namespace nnunet
