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

/// A picture: rows of pixels from the top, a pixel's channels side by side, uint8 or uint16.
struct Picture {
  std::int64_t rows = 0, columns = 0, channels = 1;
  int datatype = DT_UINT8;
  std::vector<std::byte> pixels;
};

/// (C,1,Y,X), spacing (999,1,1): a plane, as nnU-Net has it.
Image picture_image(const Picture& picture, const std::string& name);
/// The geometry of such planes.
Geometry picture_geometry(std::int64_t rows, std::int64_t columns, const std::string& name);

/// Readers of pictures, with the pixels that skimage gives: palettes become colours, colours of 16 bits their upper 8,
/// one bit 0 or 1. Throw Error.
Picture read_png(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits);
Picture read_bmp(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits);

/// Grey pictures of one slice's labels; a .bmp takes uint8.
std::vector<std::byte> encode_png(const LabelBytes& labels, std::int64_t rows, std::int64_t columns);
std::vector<std::byte> encode_bmp(const LabelBytes& labels, std::int64_t rows, std::int64_t columns);

}  // namespace nnunet
