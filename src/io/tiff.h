#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "label_bytes.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// A TIFF file's first series of pages as one array, its axes as tifffile gives them: (pages,Y,X), (Y,X),
/// (Y,X,samples), (samples,Y,X) ...
struct TiffArray {
  std::vector<std::int64_t> shape;
  int datatype = DT_UINT8;
  std::vector<std::byte> values;  ///< in this machine's byte order
};

/// Classic TIFF and BigTIFF in any byte order, strips and tiles; not packed, or by LZW, deflate and PackBits; pages of
/// tifffile, ImageJ and everyone else. Throws Error: damaged, other packing, more voxels than the limit.
TiffArray read_tiff(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits);

/// As NaturalImage2DIO: (C,1,Y,X), where an axis of 3 or 4 holds the channels. Throws Error for volumes.
Image tiff_picture(TiffArray array, const std::string& name);
/// As Tiff3DIO: (1,Z,Y,X) with that spacing (mm; z, y, x). Throws Error for other than three axes.
Image tiff_volume(TiffArray array, const Spacing3& spacing, const std::string& name);

/// Grey pages packed by deflate. volume: labels (D,H,W) of several pages (also of one), else a single picture.
std::vector<std::byte> encode_tiff(const LabelBytes& labels, const Shape3& shape, bool volume);

}  // namespace nnunet
