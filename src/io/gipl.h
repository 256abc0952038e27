#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "label_bytes.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// Reads a .gipl file (big-endian, spacing and origin without a direction, as ITK reads it). Throws Error.
Image read_gipl(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits);
std::vector<std::byte> encode_gipl(const LabelBytes& labels, const Geometry& geometry);

}  // namespace nnunet
