#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "nnunet/io/nifti.h"
#include "nnunet/plan/preprocess_plan.h"

namespace nnunet {

/// Most bytes that a worker holds at a time while it reads and preprocesses a case with these headers: an upper bound,
/// as if nothing could be cropped away. patch: what small cases are padded to for training; empty: they are not.
std::int64_t case_memory(const NiftiInfo& image, const std::optional<NiftiInfo>& label, const PreprocessPlan& plan,
                         const std::vector<std::int64_t>& patch = {});

}  // namespace nnunet
