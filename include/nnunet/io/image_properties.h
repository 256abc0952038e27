#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/image_orientation.h"
#include "nnunet/io/image_reader.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// What nnU-Net's readers put into a case's properties beside the voxels, as the .pkl files hold it.
struct ReaderProperties {
  /// SimpleITK's words: axes x, y(, z), mm, LPS.
  struct Itk {
    std::vector<double> spacing, origin;                ///< 2 or 3
    std::vector<double> direction;                      ///< 2x2 or 3x3, row-major
    std::optional<std::string> original_orientation{};  ///< of WithReorient: "LPS"
  };
  /// nibabel's affines: voxel (x,y,z,1) to mm, RAS.
  struct Nibabel {
    std::array<std::array<double, 4>, 4> original_affine{};
    std::optional<std::array<std::array<double, 4>, 4>> reoriented_affine{};  ///< of WithReorient
  };

  Spacing3 spacing{};              ///< z, y, x on the axes that nnU-Net works on
  std::optional<Itk> itk;          ///< "sitk_stuff"
  std::optional<Nibabel> nibabel;  ///< "nibabel_stuff"; pictures and Tiff3DIO have neither
};

/// geometry: of the image as nnU-Net works on it, turned for readers that reorient. turned: what to_canonical gave.
ReaderProperties reader_properties(const Geometry& geometry, ImageReader reader, const Reorientation* turned = nullptr);

}  // namespace nnunet
