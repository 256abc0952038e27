#pragma once
#include "elements.h"
#include "instance.h"

namespace nnunet::dicom {

/// As Library::read_planes, of a file that was opened again.
void read_planes(DicomFile& file, const Instance& instance, std::span<const std::size_t> planes,
                 const std::function<void(std::size_t i, std::span<const float> values)>& take);

}  // namespace nnunet::dicom
