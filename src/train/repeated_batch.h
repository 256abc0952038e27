#pragma once
#include <memory>

#include "nnunet/data/patch_loader.h"

namespace nnunet {

/// One batch of random numbers again and again, as if it had been loaded: what a step takes without waiting for data.
std::unique_ptr<BatchSource> repeat_random_batch(const PatchLoaderOptions& options);

}  // namespace nnunet
