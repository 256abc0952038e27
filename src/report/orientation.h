#pragma once
#include <array>
#include <string>

#include "nnunet/io/nifti.h"

namespace nnunet {

/// Which voxel axis runs closest to each anatomical axis: left-right, posterior-anterior, inferior-superior (RAS+).
/// Exact for images along the axes, the nearest of the six orders for oblique ones. An affine without a direction is
/// taken as RAS+.
struct Orientation {
  std::array<std::size_t, 3> axis{2, 1, 0};        ///< into (D,H,W)
  std::array<bool, 3> positive{true, true, true};  ///< indices grow to the right / to the front / upwards
};

Orientation find_orientation(const Geometry& geometry);

/// One slice of a volume as it is drawn: which (D,H,W) axis runs along x and y of the picture, and which is cut.
struct View {
  std::string name;  ///< "axial", "coronal", "sagittal"
  std::size_t x = 0, y = 0, cut = 0;
  bool flip_x = false, flip_y = false;   ///< the index falls along the picture's axis
  std::string left, right, top, bottom;  ///< letters of the patient's sides
};

/// Axial, coronal, sagittal in radiological convention: the patient's left on the picture's right, front up in axial;
/// left on the right, head up in coronal; front on the left, head up in sagittal.
std::array<View, 3> radiological_views(const Orientation& orientation);

}  // namespace nnunet
