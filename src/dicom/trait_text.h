#pragma once
#include <string>
#include <string_view>

#include "instance.h"

namespace nnunet::dicom {

std::string_view trait_name(Trait trait);

/// "echo time 4.92 ms", "no gradient direction", as users read it. Of Trait::acquisition_moment its name alone: when
/// somebody was examined is nobody's business.
std::string trait_text(Trait trait, const TraitValue& value);

}  // namespace nnunet::dicom
