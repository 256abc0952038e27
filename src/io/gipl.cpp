#include "gipl.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "itk_space.h"
#include "nnunet/core/error.h"
#include "raw_image.h"

namespace nnunet {

namespace {

// Places in the header, which is big-endian.
constexpr std::size_t kSizes = 0, kType = 8, kSpacing = 10, kOrigin = 204, kMagic = 252, kHeader = 256;
constexpr std::uint32_t kMagic1 = 719555000, kMagic2 = 0xefffe9b0;
constexpr std::uint16_t kUint8 = 8, kUint16 = 16;

constexpr std::array<std::pair<std::uint16_t, int>, 8> kTypes{{{7, DT_INT8},
                                                               {kUint8, DT_UINT8},
                                                               {15, DT_INT16},
                                                               {kUint16, DT_UINT16},
                                                               {31, DT_UINT32},
                                                               {32, DT_INT32},
                                                               {64, DT_FLOAT32},
                                                               {65, DT_FLOAT64}}};

template <std::size_t N>
using Bits = std::conditional_t<N == 2, std::uint16_t, std::conditional_t<N == 4, std::uint32_t, std::uint64_t>>;

template <class T>
T load(std::span<const std::byte> file, std::size_t at) {
  Bits<sizeof(T)> bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bits = static_cast<Bits<sizeof(T)>>(bits << 8 | std::to_integer<Bits<sizeof(T)>>(file[at + i]));
  return std::bit_cast<T>(bits);
}

template <class T>
void store(std::vector<std::byte>& file, std::size_t at, T value) {
  const auto bits = std::bit_cast<Bits<sizeof(T)>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i)
    file[at + i] = static_cast<std::byte>(bits >> (8 * (sizeof(T) - 1 - i)) & 255);
}

int type_of(std::uint16_t code, const std::string& name) {
  for (const auto& [known, type] : kTypes)
    if (known == code) return type;
  throw Error(name, fmt::format("voxels of GIPL's type {} are not supported", code), "convert it to .nii.gz");
}

}  // namespace

Image read_gipl(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits) {
  const std::string name = path.string();
  if (file.size() < kHeader) throw Error(name, "the file is truncated within its header", "fetch it again");
  const auto magic = load<std::uint32_t>(file, kMagic);
  if (magic != kMagic1 && magic != kMagic2)
    throw Error(name, "is not a GIPL file (bad magic)", "convert it to .nii.gz");
  std::vector<std::int64_t> sizes(4);
  for (std::size_t i = 0; i < 4; ++i) sizes[i] = load<std::uint16_t>(file, kSizes + 2 * i);
  if (sizes[3] == 0) sizes[3] = 1;
  const Sizes checked = checked_sizes(sizes, limits, name);
  ItkSpace space = plain_space(3);
  for (std::size_t i = 0; i < 3; ++i) {
    space.spacing[i] = static_cast<double>(load<float>(file, kSpacing + 4 * i));
    space.origin[i] = load<double>(file, kOrigin + 8 * i);
  }
  RawImage raw;
  raw.coding.datatype = type_of(load<std::uint16_t>(file, kType), name);
  raw.coding.swapped = std::endian::native == std::endian::little;
  raw.channels = checked.channels;
  raw.geometry = geometry_in(std::move(space), checked.shape, name);
  const auto data = file.subspan(kHeader);
  if (data.size() < raw.stored_bytes())
    throw Error(name, fmt::format("the file is truncated ({} of {} bytes of voxels)", data.size(), raw.stored_bytes()),
                "fetch or write the file again");
  return to_image(std::move(raw), data, name);
}

std::vector<std::byte> encode_gipl(const LabelBytes& labels, const Geometry& geometry) {
  std::vector<std::byte> file(kHeader + labels.bytes.size());
  const ItkSpace space = itk_space(geometry);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::int64_t size = i < 3 ? geometry.shape[2 - i] : 1;
    if (size > std::numeric_limits<std::uint16_t>::max())
      throw Error("", fmt::format("{} voxels along one axis do not fit into a GIPL header", size), "write .nii.gz");
    store(file, kSizes + 2 * i, static_cast<std::uint16_t>(size));
    store(file, kSpacing + 4 * i, i < space.axes() ? static_cast<float>(space.spacing[i]) : 1.0F);
    if (i < space.axes()) store(file, kOrigin + 8 * i, space.origin[i]);
  }
  const bool narrow = labels.datatype == DT_UINT8;
  store(file, kType, narrow ? kUint8 : kUint16);
  store(file, kMagic, kMagic2);
  if (narrow) {
    std::memcpy(file.data() + kHeader, labels.bytes.data(), labels.bytes.size());
    return file;
  }
  for (std::size_t i = 0; i < labels.bytes.size(); i += 2) {
    std::uint16_t label = 0;
    std::memcpy(&label, labels.bytes.data() + i, 2);
    store(file, kHeader + i, label);
  }
  return file;
}

}  // namespace nnunet
