#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "voxel_coding.h"

namespace nnunet {

/// Stored voxels of any real type and byte order to float32, scaled in double as nibabel does. Throws Error for NaN
/// and Inf.
void to_float(const VoxelCoding& coding, std::span<const std::byte> stored, std::span<float> to,
              const std::string& name);

/// The same to classes: values must be whole and in [0, n_class), n_class <= 256. Throws Error naming an offending
/// value.
void to_labels(const VoxelCoding& coding, std::span<const std::byte> stored, int n_class, std::span<std::uint8_t> to,
               const std::string& name);

}  // namespace nnunet
