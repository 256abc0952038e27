#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "label_bytes.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// Reads .nrrd, or .nhdr with its voxels in a file beside it: encodings raw, gzip and text; the image lies where ITK
/// puts it. An axis of vectors, or one without a direction, holds the channels. Throws Error.
Image read_nrrd(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits);

/// Header and voxels (gzip); one after the other they are a .nrrd file. data_file: empty, or where an .nhdr has them.
struct NrrdParts {
  std::string header;
  std::vector<std::byte> voxels;
};
NrrdParts encode_nrrd(const LabelBytes& labels, const Geometry& geometry, const std::string& data_file);

}  // namespace nnunet
