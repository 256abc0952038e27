#pragma once
#include <nifti1.h>

#include <cstddef>

namespace nnunet {

/// What makes numbers of a file's bytes; formats beside NIfTI use its numbers for the types, too.
struct VoxelCoding {
  int datatype = 0;             ///< DT_*, one that bytes_of_type knows
  bool swapped = false;         ///< the file has the other byte order
  double slope = 1, inter = 0;  ///< value = slope * stored + inter

  bool scaled() const { return slope != 1 || inter != 0; }
};

/// Bytes of a voxel; 0 for types that are not read.
constexpr std::size_t bytes_of_type(int datatype) {
  switch (datatype) {
    case DT_UINT8:
    case DT_INT8:
      return 1;
    case DT_UINT16:
    case DT_INT16:
      return 2;
    case DT_UINT32:
    case DT_INT32:
    case DT_FLOAT32:
      return 4;
    case DT_UINT64:
    case DT_INT64:
    case DT_FLOAT64:
      return 8;
    default:
      return 0;
  }
}

}  // namespace nnunet
