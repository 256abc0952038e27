#include "nnunet/io/image_properties.h"

#include "itk_space.h"

namespace nnunet {

ReaderProperties reader_properties(const Geometry& geometry, ImageReader reader, const Reorientation* turned) {
  ReaderProperties properties;
  properties.spacing = geometry.spacing;
  const Geometry& original = turned != nullptr ? turned->original : geometry;
  switch (reader) {
    case ImageReader::automatic:
    case ImageReader::simple_itk:
    case ImageReader::simple_itk_reorient: {
      ItkSpace space = itk_space(geometry);
      properties.itk = {std::move(space.spacing), std::move(space.origin), std::move(space.direction)};
      if (reorients(reader)) properties.itk->original_orientation = itk_orientation(original);
      break;
    }
    case ImageReader::nibabel:
    case ImageReader::nibabel_reorient:
      properties.nibabel = ReaderProperties::Nibabel{.original_affine = original.affine};
      if (reorients(reader)) properties.nibabel->reoriented_affine = geometry.affine;
      break;
    case ImageReader::natural_image_2d:
    case ImageReader::tiff_3d:
      break;
  }
  return properties;
}

}  // namespace nnunet
