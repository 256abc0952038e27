#include "nnunet/io/nifti.h"

#include <fmt/format.h>
#include <nifti1.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "image_memory.h"
#include "nifti_header.h"
#include "nifti_voxels.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/names.h"
#include "nnunet/io/split_channels.h"
#include "posix_file.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFetchAgain = "fetch or write the file again";
/// Enough of a .nii.gz to unpack its header.
constexpr std::size_t kStartBytes = std::size_t{1} << 16;

/// The file, or its first `limit` bytes.
Buffer read_bytes(const fs::path& path, std::size_t limit) {
  if (has_suffix(path, ".hdr") || has_suffix(path, ".img")) {
    throw Error(path.string(), "detached .hdr/.img pairs are not supported", "convert the pair to one .nii.gz file");
  }
  const FileDescriptor file = open_for_reading(path);
  const std::size_t size = file_size(file, path);
  if (size == 0) throw Error(path.string(), "the file is empty", kFetchAgain);
  Buffer bytes(std::min(size, limit));
  read_exactly(file, bytes.bytes(), path);
  if (has_suffix(path, ".gz") && !is_gzip(bytes.bytes())) {
    throw Error(path.string(), "is not a gzip file", "rename it to .nii if it is not packed, or fetch it again");
  }
  return bytes;
}

std::vector<std::byte> header_bytes(std::span<const std::byte> file, const std::string& name) {
  if (is_gzip(file)) return gunzip_start(file, kMaxNiftiHeader, name);
  const auto start = file.first(std::min(file.size(), kMaxNiftiHeader));
  return {start.begin(), start.end()};
}

/// A parsed header and the voxels as they are stored, which are unpacked first if need be.
class StoredVoxels {
 public:
  /// value_bytes: of a voxel when it has been read.
  StoredVoxels(std::span<const std::byte> file, std::size_t value_bytes, const std::string& name,
               const NiftiLimits& limits)
      : header_(parse_nifti_header(header_bytes(file, name), name, limits)) {
    const std::size_t needed = header_.file_bytes();
    if (!is_gzip(file) && file.size() < needed)
      throw Error(name, fmt::format("the file is truncated ({} of {} bytes)", file.size(), needed), kFetchAgain);
    require_image_memory((is_gzip(file) ? needed : 0) + static_cast<std::size_t>(header_.voxels()) * value_bytes, name);
    if (is_gzip(file)) {
      unpacked_.emplace(gunzip(file, needed, name));
      file = unpacked_->bytes();
    }
    stored_ = file.subspan(header_.offset, needed - header_.offset);
    for (const std::string& warning : header_.warnings) log::warn_once(warning);
  }

  NiftiHeader& header() { return header_; }
  std::span<const std::byte> stored() const { return stored_; }

 private:
  NiftiHeader header_;
  std::optional<Buffer> unpacked_;
  std::span<const std::byte> stored_;
};

std::vector<std::byte> encode(const Geometry& geometry, const NiftiOutput& output, std::span<const std::byte> voxels) {
  std::vector<std::byte> file = make_nifti_header(geometry, output);
  file.reserve(file.size() + voxels.size());
  file.insert(file.end(), voxels.begin(), voxels.end());
  return file;
}

bool compressed_name(const fs::path& path) {
  if (!is_nifti_name(path)) {
    throw Error(path.string(), "is not the name of a NIfTI file", "let it end in .nii or .nii.gz");
  }
  return has_suffix(path, ".gz");
}

template <class T>
void check_size(const Array<T>& voxels, const Geometry& geometry, std::int64_t channels) {
  if (voxels.numel() != volume(geometry.shape) * channels) {
    throw Error("", fmt::format("{} voxels do not fit the shape {}", voxels.numel(), shape_text(geometry.shape)));
  }
}

}  // namespace

Image read_nifti(std::span<const std::byte> file, const std::string& name, const NiftiLimits& limits) {
  return with_memory_errors(name, [&] {
    if (file.empty()) throw Error(name, "the file is empty", kFetchAgain);
    StoredVoxels source(file, sizeof(float), name, limits);
    const Shape3 shape = source.header().geometry.shape;
    Image image;
    image.voxels = Array<float>({source.header().channels, shape[0], shape[1], shape[2]});
    to_float(source.header(), source.stored(), image.voxels.values, name);
    image.geometry = std::move(source.header().geometry);
    return image;
  });
}

Image read_nifti(const fs::path& path, const NiftiLimits& limits) {
  const Buffer file = read_bytes(path, static_cast<std::size_t>(-1));
  return read_nifti(file.bytes(), path.string(), limits);
}

NiftiInfo read_nifti_info(const fs::path& path) {
  const Buffer start = read_bytes(path, kStartBytes);
  NiftiHeader header = parse_nifti_header(header_bytes(start.bytes(), path.string()), path.string(), NiftiLimits{});
  std::error_code ignored;
  const auto file_bytes = static_cast<std::int64_t>(fs::file_size(path, ignored));
  const auto stored_bytes = static_cast<std::int64_t>(header.file_bytes());
  return {std::move(header.geometry), header.channels, header.datatype, file_bytes, stored_bytes};
}

LabelMap read_label_map(std::span<const std::byte> file, const std::string& name, int n_class,
                        const NiftiLimits& limits) {
  return with_memory_errors(name, [&] {
    if (file.empty()) throw Error(name, "the file is empty", kFetchAgain);
    StoredVoxels source(file, 1, name, limits);
    const NiftiHeader& header = source.header();
    if (header.channels != 1) {
      throw Error(name, fmt::format("a label map has one channel, this file {}", header.channels),
                  "store the classes as one volume of whole numbers");
    }
    const Shape3 shape = header.geometry.shape;
    LabelMap map;
    map.voxels = Array<std::uint8_t>({shape[0], shape[1], shape[2]});
    to_labels(header, source.stored(), n_class > 0 ? std::min(n_class, 256) : 256, map.voxels.values, name);
    map.geometry = std::move(source.header().geometry);
    return map;
  });
}

LabelMap read_label_map(const fs::path& path, int n_class, const NiftiLimits& limits) {
  const Buffer file = read_bytes(path, static_cast<std::size_t>(-1));
  return read_label_map(file.bytes(), path.string(), n_class, limits);
}

std::vector<std::byte> encode_label_map(const LabelMap& map, bool compress) {
  check_size(map.voxels, map.geometry, 1);
  const NiftiOutput output{.channels = 1, .datatype = DT_UINT8, .bits = 8, .intent = NIFTI_INTENT_LABEL};
  std::vector<std::byte> file = encode(map.geometry, output, std::as_bytes(std::span(map.voxels.values)));
  return compress ? gzip(file) : file;
}

std::vector<std::byte> encode_label_map(const Array<std::uint16_t>& voxels, const Geometry& geometry, bool compress) {
  check_size(voxels, geometry, 1);
  const NiftiOutput output{.channels = 1, .datatype = DT_UINT16, .bits = 16, .intent = NIFTI_INTENT_LABEL};
  std::vector<std::byte> file = encode(geometry, output, std::as_bytes(std::span(voxels.values)));
  return compress ? gzip(file) : file;
}

void write_label_map(const fs::path& path, const LabelMap& map) {
  write_file(path, encode_label_map(map, compressed_name(path)));
}

std::vector<std::byte> encode_image(const Image& image, bool compress) {
  const std::int64_t channels = image.voxels.shape.size() == 4 ? image.voxels.size(0) : 1;
  check_size(image.voxels, image.geometry, channels);
  const NiftiOutput output{.channels = channels, .datatype = DT_FLOAT32, .bits = 32, .intent = NIFTI_INTENT_NONE};
  std::vector<std::byte> file = encode(image.geometry, output, std::as_bytes(std::span(image.voxels.values)));
  return compress ? gzip(file) : file;
}

void write_image(const fs::path& path, const Image& image) {
  write_file(path, encode_image(image, compressed_name(path)));
}

void split_channels(const fs::path& path,
                    const std::function<void(std::int64_t channel, std::span<const std::byte> nifti)>& use) {
  const std::string name = path.string();
  const Buffer file = read_bytes(path, static_cast<std::size_t>(-1));
  StoredVoxels source(file.bytes(), 0, name, NiftiLimits{});
  const NiftiHeader& header = source.header();
  const bool as_stored = !header.scaled() && !header.swapped;
  const auto voxels = static_cast<std::size_t>(volume(header.geometry.shape));
  const NiftiOutput output{.channels = 1,
                           .datatype = as_stored ? header.datatype : DT_FLOAT32,
                           .bits = static_cast<int>(8 * (as_stored ? header.voxel_bytes : sizeof(float))),
                           .intent = NIFTI_INTENT_NONE};
  for (std::int64_t c = 0; c < header.channels; ++c) {
    const auto bytes =
        source.stored().subspan(static_cast<std::size_t>(c) * voxels * header.voxel_bytes, voxels * header.voxel_bytes);
    if (as_stored) {
      use(c, encode(header.geometry, output, bytes));
      continue;
    }
    std::vector<float> values(voxels);
    NiftiHeader one = header;
    one.channels = 1;
    to_float(one, bytes, values, name);
    use(c, encode(header.geometry, output, std::as_bytes(std::span(values))));
  }
}

bool is_nifti_name(const fs::path& path) {
  return has_suffix(path, ".nii") || has_suffix(path, ".nii.gz");
}

std::string nifti_stem(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const std::string_view suffix : {".nii.gz", ".nii"}) {
    if (has_suffix(path, suffix)) return name.substr(0, name.size() - suffix.size());
  }
  return path.stem().string();
}

double affine_difference(const Geometry& a, const Geometry& b) {
  double largest = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) largest = std::max(largest, std::abs(a.affine[i][j] - b.affine[i][j]));
  }
  return largest;
}

}  // namespace nnunet
