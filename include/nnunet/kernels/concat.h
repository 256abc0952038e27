#pragma once
#include <cstddef>
#include <cstdint>

namespace nnunet::kernels {

/// Two tensors whose channels are innermost, side by side: every voxel's row of `a_bytes`, then of `b_bytes`.
void concat_rows(const std::byte* a, const std::byte* b, std::byte* both, std::int64_t voxels, std::int64_t a_bytes,
                 std::int64_t b_bytes);
/// And apart again.
void split_rows(const std::byte* both, std::byte* a, std::byte* b, std::int64_t voxels, std::int64_t a_bytes,
                std::int64_t b_bytes);

}  // namespace nnunet::kernels
