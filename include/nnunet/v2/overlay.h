#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet::v2 {

/// The slice of a label map (D,H,W) that shows most of its labels: the largest mean share of each label's voxels. 0
/// where there is no label.
std::int64_t slice_with_most(const Array<std::uint16_t>& labels);

/// A slice as red, green, blue bytes (H,W,3): the image from its darkest to its brightest voxel, each label's colour
/// added with this intensity, all scaled so that the brightest value is 255.
Array<std::uint8_t> overlay_picture(std::span<const float> image, const Array<std::uint16_t>& labels,
                                    std::int64_t slice, double intensity);

/// A picture (H,W,3) of red, green, blue as a PNG file. Throws Error (no subject).
std::vector<std::byte> png_of(const Array<std::uint8_t>& picture);

struct OverlayOptions {
  std::string dataset;  ///< name
  std::filesystem::path output;
  int channel = 0;
  double intensity = 0.6;
  int threads = 1;
};

/// A PNG of each training case of $nnUNet_raw. Failed cases are named; returns how many.
int plot_raw_overlays(const OverlayOptions& options);
/// The same of the preprocessed cases of a configuration (empty: 3d_fullres where the plans have it, else 2d): this
/// program's, or nnU-Net's where there are none. Throws Error: neither is there.
int plot_preprocessed_overlays(const OverlayOptions& options, const std::string& plans,
                               const std::string& configuration);

}  // namespace nnunet::v2
