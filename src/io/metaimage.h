#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "label_bytes.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// Reads .mha, or .mhd with its voxels in a file beside it: raw, packed or as text; the image lies where ITK puts it.
/// Channels are a voxel's components, or the fourth axis. Throws Error.
Image read_metaimage(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits);

/// Header and packed voxels; one after the other they are a .mha file. data_file: empty, or where an .mhd has them.
struct MetaImageParts {
  std::string header;
  std::vector<std::byte> voxels;
};
MetaImageParts encode_metaimage(const LabelBytes& labels, const Geometry& geometry, const std::string& data_file);

}  // namespace nnunet
