#include "raw_image.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <bit>
#include <cstring>
#include <memory>
#include <new>

#include "deflater.h"
#include "image_memory.h"
#include "nifti_voxels.h"
#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "number_text.h"

namespace nnunet {

namespace {

constexpr const char* kFetchAgain = "fetch or write the file again";

/// (voxels, C) to (C, voxels).
Array<float> part_channels(const Array<float>& mixed) {
  Array<float> parted(mixed.shape);
  const auto channels = static_cast<std::size_t>(mixed.size(0));
  const std::size_t voxels = mixed.values.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    float* to = parted.data() + c * voxels;
    const float* from = mixed.data() + c;
    for (std::size_t i = 0; i < voxels; ++i) to[i] = from[i * channels];
  }
  return parted;
}

template <class T>
std::vector<std::byte> words_as(std::string_view text, std::size_t count, const std::string& name) {
  std::vector<std::byte> bytes(count * sizeof(T));
  const auto words = words_of(text);
  if (words.size() < count)
    throw Error(name, fmt::format("holds {} numbers, its header promises {}", words.size(), count), kFetchAgain);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = number_in<T>(words[i]);
    if (!value)
      throw Error(name, fmt::format("holds '{}' where a voxel should be", words[i].substr(0, 40)), kFetchAgain);
    std::memcpy(bytes.data() + i * sizeof(T), &*value, sizeof(T));
  }
  return bytes;
}

}  // namespace

Sizes checked_sizes(const std::vector<std::int64_t>& sizes, const NiftiLimits& limits, const std::string& name) {
  if (sizes.size() < 2 || sizes.size() > 4)
    throw Error(name, fmt::format("has {} axes; 2, 3 or 4 are known", sizes.size()));
  std::int64_t voxels = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1) throw Error(name, fmt::format("its header has {} voxels along axis {}", sizes[i], i + 1));
    if (__builtin_mul_overflow(voxels, sizes[i], &voxels) || voxels > limits.max_voxels)
      throw Error(name, fmt::format("its header has absurd sizes (more than {} voxels)", limits.max_voxels),
                  "check the file with another viewer or fetch it again");
  }
  const auto size = [&](std::size_t i) { return i < sizes.size() ? sizes[i] : 1; };
  return {{size(2), size(1), size(0)}, size(3)};
}

Image to_image(RawImage raw, std::span<const std::byte> stored, const std::string& name) {
  const bool mixed = raw.interleaved && raw.channels > 1;
  require_image_memory(static_cast<std::size_t>(raw.voxels()) * sizeof(float) * (mixed ? 2 : 1), name);
  return with_memory_errors(name, [&] {
    const Shape3 shape = raw.geometry.shape;
    Image image;
    image.voxels = Array<float>({raw.channels, shape[0], shape[1], shape[2]});
    to_float(raw.coding, stored.first(raw.stored_bytes()), image.voxels.values, name);
    if (mixed) image.voxels = part_channels(image.voxels);
    image.geometry = std::move(raw.geometry);
    return image;
  });
}

std::vector<std::byte> voxels_in_text(std::string_view text, const RawImage& raw, const std::string& name) {
  const auto count = static_cast<std::size_t>(raw.voxels());
  if (count > text.size()) throw Error(name, "the file is truncated", kFetchAgain);
  const auto as = [&](auto zero) { return words_as<decltype(zero)>(text, count, name); };
  switch (raw.coding.datatype) {
    case DT_UINT8:
      return as(std::uint8_t{});
    case DT_INT8:
      return as(std::int8_t{});
    case DT_UINT16:
      return as(std::uint16_t{});
    case DT_INT16:
      return as(std::int16_t{});
    case DT_UINT32:
      return as(std::uint32_t{});
    case DT_INT32:
      return as(std::int32_t{});
    case DT_UINT64:
      return as(std::uint64_t{});
    case DT_INT64:
      return as(std::int64_t{});
    case DT_FLOAT32:
      return as(float{});
    default:
      return as(double{});
  }
}

Buffer inflate_voxels(std::span<const std::byte> packed, std::size_t size, const std::string& name) {
  if (is_gzip(packed)) return gunzip(packed, size, name);
  if (size / limits::deflate_ratio > packed.size())
    throw Error(name,
                fmt::format("its header promises {} bytes, more than {} packed ones can hold", size, packed.size()),
                kFetchAgain);
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!inflater) throw std::bad_alloc();
  Buffer content(size);
  std::size_t written = 0;
  const libdeflate_result result =
      libdeflate_zlib_decompress(inflater.get(), packed.data(), packed.size(), content.bytes().data(), size, &written);
  if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
    throw Error(name, fmt::format("its packed voxels are more than the {} bytes that its header promises", size),
                kFetchAgain);
  if (result != LIBDEFLATE_SUCCESS) throw Error(name, "its packed voxels are truncated or corrupt", kFetchAgain);
  if (written != size)
    throw Error(name, fmt::format("holds {} bytes, its header promises {}", written, size), kFetchAgain);
  return content;
}

std::vector<std::byte> deflate(std::span<const std::byte> content) {
  const Deflater deflater = deflater_for(content);
  std::vector<std::byte> packed(libdeflate_zlib_compress_bound(deflater.get(), content.size()));
  packed.resize(libdeflate_zlib_compress(deflater.get(), content.data(), content.size(), packed.data(), packed.size()));
  return packed;
}

}  // namespace nnunet
