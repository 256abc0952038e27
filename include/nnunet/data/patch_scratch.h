#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/data/augment.h"
#include "nnunet/data/training_patch.h"

namespace nnunet {

/// Buffers that the operators on training patches reuse, one a thread.
struct PatchScratch {
  AugmentScratch augment;             // of the Gaussian filter
  std::vector<float> rows, planes;    // expanded rows and planes of a coarse grid; planes before they are changed
  std::vector<float> padded, sorted;  // of the median: the image with its margin, and its values in order
  std::vector<std::uint32_t> rank;    // place of each value in that order
  std::vector<std::uint64_t> entries, next_entries;  // while they are sorted
  std::vector<std::uint64_t> present;                // ranks in the window, and which words of that are not empty
  std::vector<std::uint64_t> mask, result;           // masks of a cascade's labels, one bit a voxel
  std::vector<std::uint64_t> widened, half_widened;
};

}  // namespace nnunet
