#pragma once
#include <filesystem>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"

namespace nnunet::v2 {

/// Where a label map of this shape (D,H,W) lies, from the properties that nnU-Net v2 keeps beside probabilities
/// (CASE.pkl: sitk_stuff or nibabel_stuff, else the spacing alone). Throws Error (subject: file).
Geometry geometry_of(const PythonValue& properties, const Shape3& shape, const std::string& file);

}  // namespace nnunet::v2
