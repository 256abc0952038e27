#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nnunet/data/intensity_steps.h"
#include "nnunet/data/patch_recipe.h"

namespace nnunet {

/// An operator on a channel of a patch of that size as the GPU's kernels read it, without its side; what does not fit
/// the step is added to the tables.
ChannelStep channel_step(const drawn::Operator& what, const Shape3& size, std::vector<std::byte>& tables);

/// How often a channel goes to its other place, as the kernels that read neighbours cannot work in place.
std::int32_t places_changed(const ChannelStep& step);

}  // namespace nnunet
