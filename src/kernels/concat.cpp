#include "nnunet/kernels/concat.h"

#include <cstring>

// Rows are a few cache lines: copied whole, one voxel after the other, both walks are contiguous.
namespace nnunet::kernels {

void concat_rows(const std::byte* a, const std::byte* b, std::byte* both, std::int64_t voxels, std::int64_t a_bytes,
                 std::int64_t b_bytes) {
  const auto a_size = static_cast<std::size_t>(a_bytes), b_size = static_cast<std::size_t>(b_bytes);
#pragma omp parallel for schedule(static) if (voxels > 1024)
  for (std::int64_t v = 0; v < voxels; ++v) {
    std::byte* const row = both + v * (a_bytes + b_bytes);
    std::memcpy(row, a + v * a_bytes, a_size);
    std::memcpy(row + a_bytes, b + v * b_bytes, b_size);
  }
}

void split_rows(const std::byte* both, std::byte* a, std::byte* b, std::int64_t voxels, std::int64_t a_bytes,
                std::int64_t b_bytes) {
  const auto a_size = static_cast<std::size_t>(a_bytes), b_size = static_cast<std::size_t>(b_bytes);
#pragma omp parallel for schedule(static) if (voxels > 1024)
  for (std::int64_t v = 0; v < voxels; ++v) {
    const std::byte* const row = both + v * (a_bytes + b_bytes);
    std::memcpy(a + v * a_bytes, row, a_size);
    std::memcpy(b + v * b_bytes, row + a_bytes, b_size);
  }
}

}  // namespace nnunet::kernels
