#include "picture.h"

#include <utility>

#include "itk_space.h"
#include "raw_image.h"

namespace nnunet {

Geometry picture_geometry(std::int64_t rows, std::int64_t columns, const std::string& name) {
  return geometry_in(plain_space(2), {1, rows, columns}, name);
}

Image picture_image(const Picture& picture, const std::string& name) {
  RawImage raw;
  raw.geometry = picture_geometry(picture.rows, picture.columns, name);
  raw.coding.datatype = picture.datatype;
  raw.channels = picture.channels;
  raw.interleaved = true;
  return to_image(std::move(raw), picture.pixels, name);
}

}  // namespace nnunet
