#include "nnunet/io/image_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gipl.h"
#include "image_format.h"
#include "metaimage.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/io/json_reading.h"
#include "nrrd.h"
#include "picture.h"
#include "text_header.h"
#include "tiff.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;

/// What a file is read for: the file with the spacing beside a .tif has another name.
enum class Use { image, labels };

Spacing3 spacing_beside(const fs::path& path, Use use) {
  std::string stem = image_stem(path);
  if (const auto channel = channel_name(stem); channel && use == Use::image) stem = channel->name;
  const fs::path file = path.parent_path() / (stem + ".json");
  if (!fs::exists(file)) {
    log::warn_once(fmt::format("{}: there is no {} with its spacing, 1 x 1 x 1 mm is assumed", path.string(),
                               file.filename().string()));
    return {1, 1, 1};
  }
  const nlohmann::json json = read_json(file);
  const JsonFields fields(json, file.string(), "give it three numbers above 0: z, y, x in mm");
  const std::vector<double> spacing = fields.reals("spacing");
  if (spacing.size() != 3 || !std::ranges::all_of(spacing, [](double s) { return s > 0; }))
    fields.fail("spacing", "is not understood");
  return {spacing[0], spacing[1], spacing[2]};
}

bool is_picture(const TiffArray& array) {
  const auto holds_channels = [](std::int64_t n) { return n == 3 || n == 4; };
  const auto& shape = array.shape;
  return shape.size() == 2 || (shape.size() == 3 && (holds_channels(shape[2]) || holds_channels(shape[0])));
}

Image read_tiff_image(std::span<const std::byte> file, const fs::path& path, ImageReader reader, Use use,
                      const NiftiLimits& limits) {
  const std::string name = path.string();
  TiffArray array = read_tiff(file, name, limits);
  const bool picture =
      reader == ImageReader::natural_image_2d || (reader == ImageReader::automatic && is_picture(array));
  return picture ? tiff_picture(std::move(array), name)
                 : tiff_volume(std::move(array), spacing_beside(path, use), name);
}

/// ITK gives pictures other voxels than skimage where they have colours.
Image read_picture(const Picture& picture, ImageReader reader, const std::string& name) {
  if (picture.channels != 1 && (reader == ImageReader::simple_itk || reader == ImageReader::simple_itk_reorient))
    throw Error(name, fmt::format("has colours, {} takes grey pictures only", image_reader_name(reader)),
                "use NaturalImage2DIO");
  return picture_image(picture, name);
}

/// A plane's spacing is what nnU-Net's reader makes of it.
Image as_read_by(ImageReader reader, Image image, const std::string& name) {
  Geometry& geometry = image.geometry;
  if (!geometry.plane) return image;
  if (reader == ImageReader::nibabel || reader == ImageReader::nibabel_reorient)
    throw Error(name, fmt::format("is a 2D image, {} takes 3D ones only", image_reader_name(reader)),
                "use SimpleITKIO");
  geometry.spacing[0] = std::max(geometry.spacing[1], geometry.spacing[2]) * 999;
  return image;
}

Image read_for(const fs::path& path, ImageReader reader, Use use, const NiftiLimits& limits) {
  const FileFormat format = readable_format(path, reader);
  if (format == FileFormat::nifti) return as_read_by(reader, read_nifti(path, limits), path.string());
  const Buffer buffer = read_image_bytes(path);
  const std::span<const std::byte> file = buffer.bytes();
  const std::string name = path.string();
  switch (format) {
    case FileFormat::nrrd:
      return read_nrrd(file, path, limits);
    case FileFormat::metaimage:
      return read_metaimage(file, path, limits);
    case FileFormat::gipl:
      return read_gipl(file, path, limits);
    case FileFormat::png:
      return read_picture(read_png(file, name, limits), reader, name);
    case FileFormat::bmp:
      return read_picture(read_bmp(file, name, limits), reader, name);
    default:
      return read_tiff_image(file, path, reader, use, limits);
  }
}

/// As numpy's allclose.
bool close(double a, double b) {
  return std::abs(a - b) <= 1e-8 + 1e-5 * std::abs(b);
}

void require_same_grid(const Image& first, const Image& image, const std::string& name) {
  if (image.voxels.shape != first.voxels.shape)
    throw Error(name,
                fmt::format("is {} (channels, z, y, x), but the case's first file is {}",
                            shape_text(image.voxels.shape), shape_text(first.voxels.shape)),
                "resample the channels to one grid");
  const Spacing3 &a = image.geometry.spacing, &b = first.geometry.spacing;
  if (!close(a[0], b[0]) || !close(a[1], b[1]) || !close(a[2], b[2]))
    throw Error(name,
                fmt::format("has the spacing {} mm (z, y, x), but the case's first file has {}", fmt::join(a, " x "),
                            fmt::join(b, " x ")),
                "resample the channels to one grid");
  if (affine_difference(image.geometry, first.geometry) > 1e-3)
    log::warn(fmt::format("{}: its affine differs from that of the case's first file, which is used", name));
}

/// The labels in the narrowest type of the two, and what says so.
struct NarrowLabels {
  std::vector<std::uint8_t> narrow;
  std::vector<std::uint16_t> wide;

  LabelBytes bytes() const {
    if (wide.empty()) return {DT_UINT8, std::as_bytes(std::span(narrow))};
    return {DT_UINT16, std::as_bytes(std::span(wide))};
  }
};

/// From 255 on labels are uint16, as nnU-Net writes them; a .bmp cannot, and holds 255, too.
template <class T>
NarrowLabels narrowed(const Array<T>& labels, FileFormat format, const fs::path& path) {
  const auto most = labels.values.empty() ? T{0} : *std::ranges::max_element(labels.values);
  if (format == FileFormat::bmp && most > 255)
    throw Error(path.string(), fmt::format("a .bmp file cannot hold the label {}", most), "write .png or .tif");
  NarrowLabels result;
  const auto copy_to = [&](auto& values) {
    using Value = typename std::remove_reference_t<decltype(values)>::value_type;
    values.resize(labels.values.size());
    std::ranges::transform(labels.values, values.begin(), [](T v) { return static_cast<Value>(v); });
  };
  if (most < 255 || format == FileFormat::bmp) {
    copy_to(result.narrow);
  } else {
    copy_to(result.wide);
  }
  return result;
}

std::vector<std::byte> nifti_bytes(NarrowLabels labels, const std::vector<std::int64_t>& shape,
                                   const Geometry& geometry, bool compress) {
  if (labels.wide.empty()) {
    LabelMap map;
    map.voxels.shape = shape;
    map.voxels.values = std::move(labels.narrow);
    map.geometry = geometry;
    return encode_label_map(map, compress);
  }
  Array<std::uint16_t> voxels;
  voxels.shape = shape;
  voxels.values = std::move(labels.wide);
  return encode_label_map(voxels, geometry, compress);
}

/// A header that is text and the voxels, which lie in one file or each in its own.
template <class Encode>
void write_parts(const fs::path& path, std::string_view detached_ending, const char* voxel_ending, Encode&& encode) {
  if (lower_case(path.extension().string()) == detached_ending) {
    const fs::path voxels = path.parent_path() / (image_stem(path) + voxel_ending);
    const auto parts = encode(voxels.filename().string());
    write_file(voxels, parts.voxels);
    write_text(path, parts.header);
    return;
  }
  const auto parts = encode(std::string());
  const auto header = std::as_bytes(std::span(parts.header));
  std::vector<std::byte> file(header.begin(), header.end());
  file.insert(file.end(), parts.voxels.begin(), parts.voxels.end());
  write_file(path, file);
}

void write_tiff(const fs::path& path, const LabelBytes& labels, const Geometry& geometry, bool volume) {
  write_file(path, encode_tiff(labels, geometry.shape, volume));
  if (!volume) return;
  nlohmann::json json;
  json["spacing"] = geometry.spacing;
  write_text(path.parent_path() / (image_stem(path) + ".json"), json.dump(4));
}

void require_one_slice(const fs::path& path, const Geometry& geometry) {
  if (geometry.shape[0] != 1)
    throw Error(path.string(), fmt::format("a picture cannot hold {} slices", geometry.shape[0]), "write .nii.gz");
}

template <class T>
void write_labels(const fs::path& path, const Array<T>& labels, const Geometry& geometry, ImageReader reader) {
  const FileFormat format = readable_format(path, reader);
  if (labels.shape.size() != 3 || labels.spatial() != geometry.shape)
    throw Error(path.string(),
                fmt::format("{} labels do not fit the shape {}", shape_text(labels.shape), shape_text(geometry.shape)));
  NarrowLabels narrow = narrowed(labels, format, path);
  const LabelBytes bytes = narrow.bytes();
  const Shape3& shape = geometry.shape;
  switch (format) {
    case FileFormat::nifti:
      return write_file(
          path, nifti_bytes(std::move(narrow), labels.shape, geometry, lower_case(path.extension().string()) == ".gz"));
    case FileFormat::nrrd:
      return write_parts(path, ".nhdr", ".raw.gz",
                         [&](const std::string& file) { return encode_nrrd(bytes, geometry, file); });
    case FileFormat::metaimage:
      return write_parts(path, ".mhd", ".zraw",
                         [&](const std::string& file) { return encode_metaimage(bytes, geometry, file); });
    case FileFormat::gipl:
      return write_file(path, encode_gipl(bytes, geometry));
    case FileFormat::png:
      require_one_slice(path, geometry);
      return write_file(path, encode_png(bytes, shape[1], shape[2]));
    case FileFormat::bmp:
      require_one_slice(path, geometry);
      return write_file(path, encode_bmp(bytes, shape[1], shape[2]));
    default: {
      const bool volume = reader == ImageReader::tiff_3d || (reader == ImageReader::automatic && !geometry.plane);
      if (!volume) require_one_slice(path, geometry);
      return write_tiff(path, bytes, geometry, volume);
    }
  }
}

}  // namespace

Image read_image_file(const fs::path& path, ImageReader reader, const NiftiLimits& limits) {
  return read_for(path, reader, Use::image, limits);
}

Image read_nifti_as(std::span<const std::byte> file, const std::string& name, ImageReader reader,
                    const NiftiLimits& limits) {
  if (!takes_nifti(reader))
    throw Error(name, fmt::format("{} takes no NIfTI files", image_reader_name(reader)), "use its own formats");
  return as_read_by(reader, read_nifti(file, name, limits), name);
}

Image stack_images(std::size_t count, const std::function<Image(std::size_t)>& read,
                   const std::function<std::string(std::size_t)>& name) {
  if (count == 0) throw Error("", "a case has no image");
  Image all = read(0);
  const std::int64_t channels = all.voxels.size(0);
  if (count == 1) return all;
  Array<float>& voxels = all.voxels;
  voxels.values.reserve(voxels.values.size() * count);
  for (std::size_t i = 1; i < count; ++i) {
    const Image image = read(i);
    voxels.shape[0] = channels;
    require_same_grid(all, image, name(i));
    voxels.values.insert(voxels.values.end(), image.voxels.values.begin(), image.voxels.values.end());
  }
  voxels.shape[0] = channels * static_cast<std::int64_t>(count);
  return all;
}

Image read_image_files(std::span<const fs::path> files, ImageReader reader, const NiftiLimits& limits) {
  return stack_images(
      files.size(), [&](std::size_t i) { return read_image_file(files[i], reader, limits); },
      [&](std::size_t i) { return files[i].string(); });
}

WideLabelMap read_label_file(const fs::path& path, ImageReader reader, const NiftiLimits& limits) {
  // Whole numbers times a slope in float32 are whole but for rounding.
  constexpr float kTolerance = 1e-4F;
  constexpr float kLargest = 65535;
  Image image = read_for(path, reader, Use::labels, limits);
  if (image.voxels.size(0) != 1)
    throw Error(path.string(), fmt::format("a label map has one channel, this file {}", image.voxels.size(0)),
                "store the classes as one volume of whole numbers");
  WideLabelMap map;
  const Shape3 shape = image.voxels.spatial();
  map.voxels.shape = {shape[0], shape[1], shape[2]};
  map.voxels.values.resize(image.voxels.values.size());
  for (std::size_t i = 0; i < map.voxels.values.size(); ++i) {
    const float value = image.voxels.values[i], label = std::nearbyint(value);
    if (std::abs(value - label) > kTolerance || label < 0 || label > kLargest)
      throw Error(path.string(), fmt::format("holds the label {}; allowed are whole numbers from 0 to 65535", value),
                  "correct the label map");
    map.voxels.values[i] = static_cast<std::uint16_t>(label);
  }
  map.geometry = std::move(image.geometry);
  return map;
}

void write_label_file(const fs::path& path, const Array<std::uint16_t>& labels, const Geometry& geometry,
                      ImageReader reader) {
  write_labels(path, labels, geometry, reader);
}

void write_label_file(const fs::path& path, const Array<std::uint8_t>& labels, const Geometry& geometry,
                      ImageReader reader) {
  write_labels(path, labels, geometry, reader);
}

}  // namespace nnunet
