#include "metaimage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "itk_space.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "number_text.h"
#include "raw_image.h"
#include "text_header.h"

namespace nnunet {

namespace {

constexpr const char* kConvert = "convert it to .nii.gz";
constexpr const char* kCheck = "check the file with another viewer or fetch it again";

struct Header {
  HeaderFields fields;
  std::size_t bytes = 0;  ///< up to the voxels
};

/// The last field is the one that says where the voxels are.
Header read_fields(std::span<const std::byte> file, const std::string& name) {
  HeaderLines lines(file);
  Header header;
  while (const auto line = lines.next()) {
    const auto equal = line->find('=');
    if (equal == std::string_view::npos) {
      if (trimmed(*line).empty()) continue;
      break;
    }
    const std::string key(trimmed(line->substr(0, equal)));
    header.fields[key] = trimmed(line->substr(equal + 1));
    if (key != "ElementDataFile") continue;
    header.bytes = lines.position();
    return header;
  }
  throw Error(name, "is not a MetaImage file (its header has no ElementDataFile)", kConvert);
}

int type_of(const std::string& word, const std::string& name) {
  static constexpr std::array<std::pair<std::string_view, int>, 12> kTypes{{{"MET_CHAR", DT_INT8},
                                                                            {"MET_UCHAR", DT_UINT8},
                                                                            {"MET_SHORT", DT_INT16},
                                                                            {"MET_USHORT", DT_UINT16},
                                                                            {"MET_INT", DT_INT32},
                                                                            {"MET_UINT", DT_UINT32},
                                                                            {"MET_LONG", DT_INT32},
                                                                            {"MET_ULONG", DT_UINT32},
                                                                            {"MET_LONG_LONG", DT_INT64},
                                                                            {"MET_ULONG_LONG", DT_UINT64},
                                                                            {"MET_FLOAT", DT_FLOAT32},
                                                                            {"MET_DOUBLE", DT_FLOAT64}}};
  const std::string_view plain =
      std::string_view(word).substr(0, word.ends_with("_ARRAY") ? word.size() - 6 : word.size());
  for (const auto& [type_name, type] : kTypes)
    if (plain == type_name) return type;
  throw Error(name, fmt::format("voxels of type '{}' are not supported", word), kConvert);
}

template <class T>
std::vector<T> list_of(const HeaderFields& fields, std::string_view key, std::size_t count, const std::string& name) {
  const auto values = numbers_in<T>(field(fields, key));
  if (!values || values->size() != count)
    throw Error(name, fmt::format("'{}' in its header is missing or is not understood", key), kCheck);
  return *values;
}

template <class T>
T number_of(const HeaderFields& fields, std::string_view key, T otherwise, const std::string& name) {
  return fields.contains(key) ? list_of<T>(fields, key, 1, name).front() : otherwise;
}

bool flag_of(const HeaderFields& fields, std::string_view key, bool otherwise) {
  const std::string word = field(fields, key);
  if (word.empty()) return otherwise;
  return word[0] == 'T' || word[0] == 't' || word[0] == '1';
}

/// The first of the names by which a field is known.
std::string_view known_as(const HeaderFields& fields, std::initializer_list<std::string_view> names) {
  const auto found = std::ranges::find_if(names, [&](std::string_view n) { return fields.contains(n); });
  return found == names.end() ? std::string_view() : *found;
}

/// Of n axes, of which at most three are in space.
ItkSpace space_of(const HeaderFields& fields, std::size_t n, const std::string& name) {
  const std::size_t axes = std::min<std::size_t>(n, 3);
  ItkSpace space = plain_space(axes);
  const auto first = [&](std::string_view key, std::vector<double>& to) {
    if (key.empty()) return;
    const auto values = list_of<double>(fields, key, n, name);
    std::copy_n(values.begin(), axes, to.begin());
  };
  first(known_as(fields, {"ElementSpacing", "ElementSize"}), space.spacing);
  first(known_as(fields, {"Offset", "Position", "Origin"}), space.origin);
  // Row after row of it is the direction of an axis.
  if (const auto key = known_as(fields, {"TransformMatrix", "Rotation", "Orientation"}); !key.empty()) {
    const auto matrix = list_of<double>(fields, key, n * n, name);
    for (std::size_t i = 0; i < axes; ++i)
      for (std::size_t j = 0; j < axes; ++j) space.direction[i * axes + j] = matrix[j * n + i];
  }
  return space;
}

RawImage understand(const HeaderFields& fields, const NiftiLimits& limits, const std::string& name) {
  RawImage raw;
  raw.coding.datatype = type_of(field(fields, "ElementType"), name);
  const auto axes = number_of<int>(fields, "NDims", 0, name);
  if (axes < 2 || axes > 4) throw Error(name, fmt::format("has {} axes; 2, 3 or 4 are known", axes), kConvert);
  const auto n = static_cast<std::size_t>(axes);
  std::vector<std::int64_t> sizes = list_of<std::int64_t>(fields, "DimSize", n, name);
  const auto components = number_of<std::int64_t>(fields, "ElementNumberOfChannels", 1, name);
  if (n == 4 && components != 1)
    throw Error(name, "has several components of four axes; one of the two can be the channels", kConvert);
  sizes.resize(4, 1);
  if (components != 1) sizes[3] = components;
  const Sizes checked = checked_sizes(sizes, limits, name);
  raw.channels = checked.channels;
  raw.interleaved = components > 1;
  raw.geometry = geometry_in(space_of(fields, n, name), checked.shape, name);
  const bool big = flag_of(fields, known_as(fields, {"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}), false);
  raw.coding.swapped = big == (std::endian::native == std::endian::little);
  return raw;
}

std::span<const std::byte> without_foreign_header(const HeaderFields& fields, std::span<const std::byte> data,
                                                  bool packed, std::size_t size, const std::string& name) {
  const auto skip = number_of<std::int64_t>(fields, "HeaderSize", 0, name);
  if (skip == 0) return data;
  if (skip == -1 && !packed) return data.size() >= size ? data.last(size) : data;
  if (skip < 0) throw Error(name, fmt::format("its HeaderSize is {}", skip), kCheck);
  return data.subspan(std::min(data.size(), static_cast<std::size_t>(skip)));
}

std::string numbers_text(const std::vector<double>& values) {
  return fmt::format("{}", fmt::join(values, " "));
}

}  // namespace

Image read_metaimage(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits) {
  const std::string name = path.string();
  const Header header = read_fields(file, name);
  const HeaderFields& fields = header.fields;
  RawImage raw = understand(fields, limits, name);
  if (number_of<double>(fields, "ElementToIntensityFunctionSlope", 1, name) != 1 ||
      number_of<double>(fields, "ElementToIntensityFunctionOffset", 0, name) != 0)
    log::warn_once(fmt::format("{}: its ElementToIntensityFunction is left out, as ITK does", name));
  std::optional<Buffer> detached, unpacked;
  std::span<const std::byte> data = file.subspan(header.bytes);
  if (const std::string other = field(fields, "ElementDataFile"); lower_case(other) != "local") {
    if (other.starts_with("LIST") || other.find('%') != std::string::npos)
      throw Error(name, "has its voxels in several files, which is not supported", kConvert);
    detached.emplace(read_image_bytes(beside(path, other)));
    data = detached->bytes();
  }
  const std::size_t size = raw.stored_bytes();
  const bool packed = flag_of(fields, "CompressedData", false);
  data = without_foreign_header(fields, data, packed, size, name);
  if (!flag_of(fields, "BinaryData", true)) {
    raw.coding.swapped = false;
    const auto voxels = voxels_in_text({reinterpret_cast<const char*>(data.data()), data.size()}, raw, name);
    return to_image(std::move(raw), voxels, name);
  }
  if (packed) {
    unpacked.emplace(inflate_voxels(data, size, name));
    data = unpacked->bytes();
  }
  if (data.size() < size)
    throw Error(name, fmt::format("the file is truncated ({} of {} bytes of voxels)", data.size(), size), kCheck);
  return to_image(std::move(raw), data, name);
}

MetaImageParts encode_metaimage(const LabelBytes& labels, const Geometry& geometry, const std::string& data_file) {
  const ItkSpace space = itk_space(geometry);
  const std::size_t n = space.axes();
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) matrix[j * n + i] = space.direction[i * n + j];
  MetaImageParts parts;
  parts.voxels = deflate(labels.bytes);
  const Shape3& shape = geometry.shape;
  parts.header = fmt::format(
      "ObjectType = Image\nNDims = {}\nBinaryData = True\nBinaryDataByteOrderMSB = {}\nCompressedData = True\n"
      "CompressedDataSize = {}\nTransformMatrix = {}\nOffset = {}\nCenterOfRotation = {}\nElementSpacing = {}\n"
      "DimSize = {}\nElementType = {}\nElementDataFile = {}\n",
      n, std::endian::native == std::endian::little ? "False" : "True", parts.voxels.size(), numbers_text(matrix),
      numbers_text(space.origin), n == 3 ? "0 0 0" : "0 0", numbers_text(space.spacing),
      n == 3 ? fmt::format("{} {} {}", shape[2], shape[1], shape[0]) : fmt::format("{} {}", shape[2], shape[1]),
      labels.datatype == DT_UINT8 ? "MET_UCHAR" : "MET_USHORT", data_file.empty() ? "LOCAL" : data_file);
  return parts;
}

}  // namespace nnunet
