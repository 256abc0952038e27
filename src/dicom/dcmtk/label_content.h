#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// The values but 0 that occur in each plane of labels (D,H,W), ascending.
std::vector<std::vector<std::uint16_t>> values_of_planes(const Array<std::uint16_t>& labels);

/// Throws Error where the labels are not on the series' planes, or a value that occurs has no segment.
void check_labels(const Array<std::uint16_t>& labels, const std::vector<std::vector<std::uint16_t>>& values,
                  const Series& series, const ObjectOptions& options);

/// What the segment is. By its name where it does not say so itself; "Tissue" where that is not known.
Structure structure_of(const Segment& segment);
/// Names in the log the segments of which that is not known.
void warn_of_unknown_structures(const std::vector<Segment>& segments);

/// Red, green, blue: its own or, as on the page and in pictures, that of its value.
std::array<std::uint8_t, 3> colour_of(const Segment& segment, const std::vector<Segment>& all);
/// The same as CIELab (D50) in DICOM's units: 0 to 65535 for L 0..100 and a, b -128..127 (PS3.3 C.10.7.1.1).
std::array<std::uint16_t, 3> cielab(const std::array<std::uint8_t, 3>& rgb);

}  // namespace nnunet::dicom
