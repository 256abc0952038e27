#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/dicom/object_options.h"
#include "nnunet/dicom/series.h"

namespace nnunet::dicom {

/// BINARY segmentations have a bit a voxel and segment, LABELMAP ones (Supplement 243) a number a voxel; RT structure
/// sets have contours.
enum class ObjectType { binary, labelmap, rtstruct };

/// Whether the library that writes objects is there. why_not: what is missing.
bool can_write_objects(std::string* why_not = nullptr);

/// Writes labels (D,H,W) on the series' grid as an object of that type, atomically. Throws Error: labels on other
/// planes than the series', a value without a segment, a source file that cannot be read, DCMTK missing, failed I/O.
void write_object(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options,
                  ObjectType type, const std::filesystem::path& path);

}  // namespace nnunet::dicom
