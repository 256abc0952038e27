#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "nnunet/io/image_orientation.h"
#include "nnunet/io/image_reader.h"
#include "nnunet/io/nifti.h"

/// Images of all formats that nnU-Net v2 reads, and label maps in the same: .nii, .nii.gz, .nrrd (.nhdr), .mha (.mhd),
/// .gipl, .png, .bmp, .tif (.tiff), in any case of letters.
namespace nnunet {

/// Whether the name has one of these endings.
bool is_image_name(const std::filesystem::path& path);

/// Reads an image as nnU-Net's reader does: voxels (C,D,H,W), scaled; geometry with the spacing that nnU-Net works
/// with:
///   .nii .nrrd .mha .gipl  as ITK has it; planes (1,Y,X) with spacing (999 max(sx,sy), sy, sx); the fourth axis, or a
///                          voxel's components, are the channels
///   pictures               (C,1,Y,X), spacing (999,1,1); grey, RGB (3) or RGBA (4)
///   volumes in .tif        (1,Z,Y,X), spacing from <name>.json beside it ({"spacing": [z,y,x]}; name without a
///                          channel's _0000), else 1,1,1 with a warning
/// The axes are those of the file, with every reader: to_canonical turns them for those that reorient. Throws Error,
/// naming the file: absent, damaged, truncated, more voxels than the limit, NaN or infinity, an ending that the reader
/// does not take.
Image read_image_file(const std::filesystem::path& path, ImageReader reader = ImageReader::automatic,
                      const NiftiLimits& limits = {});

/// A case's files, stacked along C in their order. Throws Error where their shapes, numbers of channels, or spacings
/// (1e-5 relative) differ; another place in space is a warning. The first one's geometry is the case's.
Image read_image_files(std::span<const std::filesystem::path> files, ImageReader reader = ImageReader::automatic,
                       const NiftiLimits& limits = {});

/// A NIfTI image from memory (a whole .nii or .nii.gz file), else the same; name is used in messages. Throws Error for
/// readers that take no NIfTI files.
Image read_nifti_as(std::span<const std::byte> file, const std::string& name, ImageReader reader,
                    const NiftiLimits& limits = {});

/// Stacks images as read_image_files does, wherever they come from: read(i) and name(i) are asked for each.
Image stack_images(std::size_t count, const std::function<Image(std::size_t)>& read,
                   const std::function<std::string(std::size_t)>& name);

/// A label map of up to 65536 classes: (D,H,W).
struct WideLabelMap {
  Array<std::uint16_t> voxels;
  Geometry geometry;
};

/// Reads a label map as read_image_file does an image (for volumes in .tif the spacing is in <stem>.json). Throws Error
/// for several channels, and for values that are not whole or not in 0..65535.
WideLabelMap read_label_file(const std::filesystem::path& path, ImageReader reader = ImageReader::automatic,
                             const NiftiLimits& limits = {});

/// Writes labels (D,H,W), atomically, in the format that the name says, packed where the format can be: uint8 where all
/// are below 255, else uint16. The geometry comes back as it was: a NIfTI header is kept, a plane stays one, four axes
/// become three. Volumes in .tif (Tiff3DIO, or more than one slice) get <stem>.json with their spacing beside; .mhd and
/// .nhdr have their voxels in <stem>.zraw and <stem>.raw.gz. Throws Error: an ending that is no image's or not one of
/// the reader's, pictures of several slices, labels beyond 255 in .bmp, failed I/O.
void write_label_file(const std::filesystem::path& path, const Array<std::uint16_t>& labels, const Geometry& geometry,
                      ImageReader reader = ImageReader::automatic);
void write_label_file(const std::filesystem::path& path, const Array<std::uint8_t>& labels, const Geometry& geometry,
                      ImageReader reader = ImageReader::automatic);

inline void write_label_file(const std::filesystem::path& path, const WideLabelMap& map) {
  write_label_file(path, map.voxels, map.geometry);
}

}  // namespace nnunet
