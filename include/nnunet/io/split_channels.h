#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace nnunet {

/// Hands out each channel of a NIfTI file as a NIfTI file of its own: header and voxels as they are stored, where those
/// are neither scaled nor in the other byte order; else as float32. Throws Error as read_nifti.
void split_channels(const std::filesystem::path& path,
                    const std::function<void(std::int64_t channel, std::span<const std::byte> nifti)>& use);

}  // namespace nnunet
