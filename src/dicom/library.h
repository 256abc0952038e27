#pragma once
#include "instance.h"

namespace nnunet::dicom {

/// Loads libnnunet_dicom at the first call. Throws Error where it is missing.
const Library& library();

}  // namespace nnunet::dicom
