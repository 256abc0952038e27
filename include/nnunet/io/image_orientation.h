#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "nnunet/io/image_reader.h"
#include "nnunet/io/nifti.h"

/// Axes towards right, anterior and superior, for the readers that turn images first.
namespace nnunet {

/// How an image was turned, and what undoes it. All axes are x, y, z.
struct Reorientation {
  std::array<int, 3> source{0, 1, 2};  ///< new axis i was axis source[i] of the file
  std::array<bool, 3> flipped{};       ///< new axis i runs the other way
  Geometry original;                   ///< for label maps that were turned back

  bool changes_nothing() const;
  /// Labels (D,H,W) on the turned axes, back on the file's.
  Array<std::uint8_t> undo(const Array<std::uint8_t>& labels) const;
  Array<std::uint16_t> undo(const Array<std::uint16_t>& labels) const;
  Array<float> undo(const Array<float>& channels) const;  ///< (C,D,H,W)
};

/// What to_canonical does to an image's geometry, and what it would do to the voxels.
Reorientation canonical_axes(Geometry& geometry, ImageReader reader, const std::string& name);

/// Permutes and flips an image's axes to those closest to RAS; shape, spacing and affine follow, the NIfTI header is
/// left out (the original has it). Which axis is closest where several are nearly so (oblique images): for
/// nibabel_reorient as nibabel.io_orientation, which looks at the affine without its shear, else as ITK, which takes
/// the largest direction cosines. Throws Error for affines that are singular, with the name of the file.
Reorientation to_canonical(Image& image, ImageReader reader, const std::string& name);

/// ITK's word for the directions into which the axes x, y, z run: "LPS" for an image without rotation.
std::string itk_orientation(const Geometry& geometry);

}  // namespace nnunet
