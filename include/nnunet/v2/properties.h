#pragma once
#include <filesystem>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/array.h"
#include "nnunet/io/image_file.h"

namespace nnunet::v2 {

/// A label map on the axes that nnU-Net v2 worked on, put where the properties beside its probabilities say that it
/// lies (CASE.pkl: sitk_stuff or nibabel_stuff, else the spacing alone); for readers that reorient, turned back to the
/// file's axes. Throws Error (subject: file).
WideLabelMap placed(Array<std::uint16_t> labels, const PythonValue& properties, const std::string& file);

}  // namespace nnunet::v2
