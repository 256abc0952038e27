#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/preprocess/crop.h"

namespace nnunet::v2 {

/// A case's voxels with a label > 0 that lie in the box, and how often each counts in the dataset's statistics.
struct Foreground {
  std::vector<std::vector<float>> values;         ///< by channel, in C order
  std::vector<std::vector<std::uint32_t>> times;  ///< by channel, the same voxels

  std::int64_t bytes() const;
  /// Whether a value is not whole, so that percentiles may take a second look at it.
  bool has_fractions() const;
};

/// draws: so many voxels of each channel, with replacement, as nnU-Net v2 draws them (contract-v2-plan, section 3);
/// 0: each voxel counts once. image (C,D,H,W), labels (D,H,W).
Foreground draw_foreground(const Array<float>& image, const Array<std::uint16_t>& labels, const Box& box,
                           std::size_t draws);

}  // namespace nnunet::v2
