#pragma once
#include <string>
#include <vector>

#include "nnunet/io/nifti.h"

namespace nnunet {

/// Where voxels lie as ITK says it: axes x, y(, z), millimetres towards left, posterior and superior.
struct ItkSpace {
  std::vector<double> spacing, origin;  ///< 2 or 3
  std::vector<double> direction;        ///< 2x2 or 3x3, row-major; a column is an axis' unit vector

  std::size_t axes() const { return spacing.size(); }
};

/// No turn and no shift, 1 mm.
ItkSpace plain_space(std::size_t axes);

/// space: of 2 axes for a plane, whose thickness becomes 999 times its larger spacing, as nnU-Net has it. Negative
/// spacings turn their axis round. Throws Error, naming the file, for spacings of 0 and for what is not finite.
Geometry geometry_in(ItkSpace space, const Shape3& shape, const std::string& name);

/// The way back; of a plane two axes.
ItkSpace itk_space(const Geometry& geometry);

}  // namespace nnunet
