#pragma once
#include <cstdint>
#include <optional>

#include "nnunet/io/config.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// Most bytes that a worker holds at a time while it reads and preprocesses a case with these headers: an upper bound,
/// as if nothing could be cropped away. padded: for training, where small cases are padded to the patch.
std::int64_t case_memory(const NiftiInfo& image, const std::optional<NiftiInfo>& label, const DataConfig& config,
                         bool padded);
}  // namespace nnunet
