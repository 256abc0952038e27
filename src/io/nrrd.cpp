#include "nrrd.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
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

enum class Encoding { raw, gzip, text };

/// A vector of `space directions`, empty for "none".
using Vector = std::vector<double>;

struct Header {
  HeaderFields fields;
  std::size_t bytes = 0;  ///< up to the voxels
};

Header read_fields(std::span<const std::byte> file, const std::string& name) {
  HeaderLines lines(file);
  const auto magic = lines.next();
  if (!magic || !magic->starts_with("NRRD000") || magic->size() < 8)
    throw Error(name, "is not an NRRD file (bad magic)", kConvert);
  Header header;
  while (const auto line = lines.next()) {
    if (line->empty()) break;
    if (line->starts_with('#') || line->find(":=") != std::string_view::npos) continue;
    const auto colon = line->find(": ");
    if (colon == std::string_view::npos)
      throw Error(name, fmt::format("its header has the line '{}'", line->substr(0, 80)), kCheck);
    std::string key = lower_case(trimmed(line->substr(0, colon)));
    std::erase(key, ' ');  // "data file" and "datafile" are the same
    header.fields[key] = trimmed(line->substr(colon + 2));
  }
  header.bytes = lines.position();
  return header;
}

int type_of(const std::string& word, const std::string& name) {
  using Names = std::pair<int, std::vector<std::string_view>>;
  static const std::array<Names, 10> kTypes{
      {{DT_INT8, {"signed char", "int8", "int8_t"}},
       {DT_UINT8, {"uchar", "unsigned char", "uint8", "uint8_t"}},
       {DT_INT16, {"short", "short int", "signed short", "signed short int", "int16", "int16_t"}},
       {DT_UINT16, {"ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"}},
       {DT_INT32, {"int", "signed int", "int32", "int32_t"}},
       {DT_UINT32, {"uint", "unsigned int", "uint32", "uint32_t"}},
       {DT_INT64,
        {"longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"}},
       {DT_UINT64, {"ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"}},
       {DT_FLOAT32, {"float"}},
       {DT_FLOAT64, {"double"}}}};
  for (const auto& [type, names] : kTypes)
    if (std::ranges::find(names, word) != names.end()) return type;
  throw Error(name, fmt::format("voxels of type '{}' are not supported", word), kConvert);
}

Encoding encoding_of(const std::string& word, const std::string& name) {
  if (word == "raw") return Encoding::raw;
  if (word == "gzip" || word == "gz") return Encoding::gzip;
  if (word == "ascii" || word == "text" || word == "txt") return Encoding::text;
  throw Error(name, fmt::format("its encoding '{}' is not supported", word), "write it with encoding gzip or raw");
}

[[noreturn]] void fail_field(const std::string& name, std::string_view key) {
  throw Error(name, fmt::format("'{}' in its header is missing or is not understood", key), kCheck);
}

template <class T>
std::vector<T> list_of(const HeaderFields& fields, std::string_view key, std::size_t count, const std::string& name) {
  const auto values = numbers_in<T>(field(fields, key));
  if (!values || values->size() != count) fail_field(name, key);
  return *values;
}

/// "(1,0,0) none (0,0,2)".
std::vector<Vector> vectors_of(std::string_view text, std::string_view key, const std::string& name) {
  std::vector<Vector> vectors;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    if (text.starts_with("none")) {
      vectors.emplace_back();
      text.remove_prefix(4);
      continue;
    }
    const auto end = text.find(')');
    if (!text.starts_with('(') || end == std::string_view::npos) fail_field(name, key);
    std::string inner(text.substr(1, end - 1));
    std::ranges::replace(inner, ',', ' ');
    const auto numbers = numbers_in<double>(inner);
    if (!numbers || numbers->empty()) fail_field(name, key);
    vectors.push_back(*numbers);
    text.remove_prefix(end + 1);
  }
  return vectors;
}

/// The frame of `space directions` and `space origin`: its number of axes and what turns them towards left, posterior
/// and superior.
struct Frame {
  std::size_t axes = 0;  ///< 0: none is given
  std::array<double, 3> sign{1, 1, 1};
};

Frame frame_of(const HeaderFields& fields, const std::string& name) {
  const std::string space = lower_case(field(fields, "space"));
  if (space.empty()) {
    if (!fields.contains("spacedimension")) return {};
    const auto axes = list_of<int>(fields, "spacedimension", 1, name).front();
    if (axes < 2 || axes > 4) fail_field(name, "space dimension");
    return {static_cast<std::size_t>(axes), {1, 1, 1}};
  }
  struct Space {
    std::string_view name, letters;
    Frame frame;
  };
  static constexpr std::array<Space, 9> kSpaces{{{"left-posterior-superior", "lps", {3, {1, 1, 1}}},
                                                 {"right-anterior-superior", "ras", {3, {-1, -1, 1}}},
                                                 {"left-anterior-superior", "las", {3, {1, -1, 1}}},
                                                 {"left-posterior-superior-time", "lpst", {4, {1, 1, 1}}},
                                                 {"right-anterior-superior-time", "rast", {4, {-1, -1, 1}}},
                                                 {"left-anterior-superior-time", "last", {4, {1, -1, 1}}},
                                                 {"scanner-xyz", "scanner-xyz", {3, {1, 1, 1}}},
                                                 {"3d-right-handed", "3d-right-handed", {3, {1, 1, 1}}},
                                                 {"3d-left-handed", "3d-left-handed", {3, {1, 1, 1}}}}};
  for (const Space& known : kSpaces)
    if (space == known.name || space == known.letters) return known.frame;
  throw Error(name, fmt::format("its space '{}' is not supported", space), kConvert);
}

/// What each axis on file is: space, or the channels.
struct Axes {
  std::vector<std::size_t> space;
  std::optional<std::size_t> channels;
};

bool kind_of_channels(const std::string& kind) {
  return !kind.empty() && kind != "domain" && kind != "space" && kind != "time" && kind != "???" && kind != "none";
}

Axes parted_axes(const HeaderFields& fields, std::size_t count, const std::vector<Vector>& directions,
                 const std::string& name) {
  const std::string text = lower_case(field(fields, "kinds"));
  const auto kinds = words_of(text);
  if (!kinds.empty() && kinds.size() != count) fail_field(name, "kinds");
  Axes axes;
  for (std::size_t i = 0; i < count; ++i) {
    const bool channels =
        (!kinds.empty() && kind_of_channels(std::string(kinds[i]))) || (!directions.empty() && directions[i].empty());
    if (!channels) {
      axes.space.push_back(i);
    } else if (axes.channels || (i != 0 && i + 1 != count)) {
      throw Error(name, "has an axis without a place in space that is neither its first nor its last alone", kConvert);
    } else {
      axes.channels = i;
    }
  }
  if (axes.space.size() == 4) {  // as ITK's fourth axis
    axes.channels = 3;
    axes.space.pop_back();
  }
  if (axes.space.size() < 2 || axes.space.size() > 3)
    throw Error(name, fmt::format("has {} axes in space; 2 or 3 are known", axes.space.size()), kConvert);
  return axes;
}

/// Position and direction from vectors.
ItkSpace space_by_vectors(const HeaderFields& fields, const Frame& frame, const Axes& axes,
                          const std::vector<Vector>& directions, const std::string& name) {
  const std::size_t n = axes.space.size();
  // The fourth axis may be one in space and time, as long as it is not mixed with the others.
  const bool timed = frame.axes == 4 && n == 3 && axes.channels == std::size_t{3};
  if (frame.axes != n && !timed)
    throw Error(name, fmt::format("has {} axes in a space of {}", n, frame.axes), kConvert);
  ItkSpace space = plain_space(n);
  for (std::size_t j = 0; j < n; ++j) {
    const Vector& vector = directions[axes.space[j]];
    if (vector.size() != frame.axes || (timed && vector[3] != 0)) fail_field(name, "space directions");
    const double length =
        std::sqrt(vector[0] * vector[0] + vector[1] * vector[1] + (n > 2 ? vector[2] * vector[2] : 0));
    space.spacing[j] = length;
    for (std::size_t i = 0; i < n && length > 0; ++i) space.direction[i * n + j] = frame.sign[i] * vector[i] / length;
  }
  if (const std::string text = field(fields, "spaceorigin"); !text.empty()) {
    const auto origin = vectors_of(text, "space origin", name);
    if (origin.size() != 1 || origin[0].size() != frame.axes) fail_field(name, "space origin");
    for (std::size_t i = 0; i < n; ++i) space.origin[i] = frame.sign[i] * origin[0][i];
  }
  return space;
}

/// Axes by their spacings alone; `axis mins` are the edges of the first voxels, but for `centers: node`.
ItkSpace space_by_spacings(const HeaderFields& fields, const Axes& axes, std::size_t count, const std::string& name) {
  const std::size_t n = axes.space.size();
  ItkSpace space = plain_space(n);
  if (fields.contains("spacings")) {
    const auto spacings = list_of<double>(fields, "spacings", count, name);
    for (std::size_t j = 0; j < n; ++j) space.spacing[j] = spacings[axes.space[j]];
  }
  if (!fields.contains("axismins")) return space;
  const auto mins = list_of<double>(fields, "axismins", count, name);
  const std::string text = lower_case(field(fields, "centers"));
  const auto centers = words_of(text);
  for (std::size_t j = 0; j < n; ++j) {
    const std::size_t axis = axes.space[j];
    const bool node = axis < centers.size() && centers[axis] == "node";
    space.origin[j] = mins[axis] + (node ? 0 : space.spacing[j] / 2);
  }
  return space;
}

RawImage understand(const HeaderFields& fields, const NiftiLimits& limits, const std::string& name) {
  RawImage raw;
  raw.coding.datatype = type_of(lower_case(field(fields, "type")), name);
  const auto count = list_of<std::int64_t>(fields, "dimension", 1, name).front();
  if (count < 2 || count > 4) throw Error(name, fmt::format("has {} axes; 2, 3 or 4 are known", count), kConvert);
  const auto axis_count = static_cast<std::size_t>(count);
  const auto sizes = list_of<std::int64_t>(fields, "sizes", axis_count, name);
  const auto directions = vectors_of(field(fields, "spacedirections"), "space directions", name);
  if (!directions.empty() && directions.size() != axis_count) fail_field(name, "space directions");
  const Axes axes = parted_axes(fields, axis_count, directions, name);
  std::vector<std::int64_t> ordered;
  for (const std::size_t axis : axes.space) ordered.push_back(sizes[axis]);
  if (ordered.size() == 2) ordered.push_back(1);
  ordered.push_back(axes.channels ? sizes[*axes.channels] : 1);
  const Sizes checked = checked_sizes(ordered, limits, name);
  raw.channels = checked.channels;
  raw.interleaved = axes.channels == std::size_t{0};
  ItkSpace space = directions.empty() ? space_by_spacings(fields, axes, axis_count, name)
                                      : space_by_vectors(fields, frame_of(fields, name), axes, directions, name);
  raw.geometry = geometry_in(std::move(space), checked.shape, name);
  return raw;
}

/// Where the voxels begin in their file.
std::span<const std::byte> skipped(const HeaderFields& fields, std::span<const std::byte> data, std::size_t size,
                                   Encoding encoding, const std::string& name) {
  const auto number = [&](std::string_view key) {
    return fields.contains(key) ? list_of<std::int64_t>(fields, key, 1, name).front() : std::int64_t{0};
  };
  const std::int64_t lines = number("lineskip"), bytes = number("byteskip");
  if (lines == 0 && bytes == 0) return data;
  if (lines < 0 || bytes < -1 || encoding != Encoding::raw)
    throw Error(name, "skips lines or bytes of its packed voxels, which is not supported", kConvert);
  if (bytes == -1) return data.size() >= size ? data.last(size) : data;
  for (std::int64_t i = 0; i < lines; ++i) {
    const auto end = std::ranges::find(data, std::byte{'\n'});
    if (end == data.end()) throw Error(name, "has fewer lines than it is to skip", kCheck);
    data = data.subspan(static_cast<std::size_t>(end - data.begin()) + 1);
  }
  return data.subspan(std::min(data.size(), static_cast<std::size_t>(bytes)));
}

/// The byte order matters for wide voxels that are not text.
bool is_swapped(const HeaderFields& fields, const RawImage& raw, Encoding encoding, const std::string& name) {
  if (bytes_of_type(raw.coding.datatype) == 1 || encoding == Encoding::text) return false;
  const std::string endian = lower_case(field(fields, "endian"));
  if (endian != "little" && endian != "big") fail_field(name, "endian");
  return (endian == "little") != (std::endian::native == std::endian::little);
}

std::string vector_text(const double* values, std::size_t count, std::size_t step, double factor) {
  std::string text = "(";
  for (std::size_t i = 0; i < count; ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ",", values[i * step] * factor + 0.0);
  text += ')';
  return text;
}

}  // namespace

Image read_nrrd(std::span<const std::byte> file, const std::filesystem::path& path, const NiftiLimits& limits) {
  const std::string name = path.string();
  const Header header = read_fields(file, name);
  const HeaderFields& fields = header.fields;
  RawImage raw = understand(fields, limits, name);
  const Encoding encoding = encoding_of(lower_case(field(fields, "encoding")), name);
  raw.coding.swapped = is_swapped(fields, raw, encoding, name);
  if (const std::string units = field(fields, "spaceunits");
      !units.empty() && units.find("\"mm\"") == std::string::npos)
    log::warn_once(fmt::format("{}: its space units are {}; millimetres are assumed, as ITK does", name, units));
  std::optional<Buffer> detached, unpacked;
  std::span<const std::byte> data = file.subspan(std::min(header.bytes, file.size()));
  if (const std::string other = field(fields, "datafile"); !other.empty()) {
    if (other == "LIST" || other.starts_with("LIST ") || other.find('%') != std::string::npos)
      throw Error(name, "has its voxels in several files, which is not supported", kConvert);
    detached.emplace(read_image_bytes(beside(path, other)));
    data = detached->bytes();
  }
  const std::size_t size = raw.stored_bytes();
  data = skipped(fields, data, size, encoding, name);
  if (encoding == Encoding::text) {
    const auto voxels = voxels_in_text({reinterpret_cast<const char*>(data.data()), data.size()}, raw, name);
    return to_image(std::move(raw), voxels, name);
  }
  if (encoding == Encoding::gzip) {
    if (!is_gzip(data)) throw Error(name, "its voxels are not gzip data, as its header says", kCheck);
    unpacked.emplace(inflate_voxels(data, size, name));
    data = unpacked->bytes();
  }
  if (data.size() < size)
    throw Error(name, fmt::format("the file is truncated ({} of {} bytes of voxels)", data.size(), size), kCheck);
  return to_image(std::move(raw), data, name);
}

NrrdParts encode_nrrd(const LabelBytes& labels, const Geometry& geometry, const std::string& data_file) {
  const ItkSpace space = itk_space(geometry);
  const std::size_t n = space.axes();
  const Shape3& shape = geometry.shape;
  std::string text = fmt::format("NRRD0004\ntype: {}\ndimension: {}\n",
                                 labels.datatype == DT_UINT8 ? "unsigned char" : "unsigned short", n);
  text += n == 3 ? fmt::format("space: left-posterior-superior\nsizes: {} {} {}\n", shape[2], shape[1], shape[0])
                 : fmt::format("space dimension: 2\nsizes: {} {}\n", shape[2], shape[1]);
  text += "space directions:";
  for (std::size_t j = 0; j < n; ++j)
    text += fmt::format(" {}", vector_text(space.direction.data() + j, n, n, space.spacing[j]));
  text += n == 3 ? "\nkinds: domain domain domain\n" : "\nkinds: domain domain\n";
  text += fmt::format("endian: {}\nencoding: gzip\nspace origin: {}\n",
                      std::endian::native == std::endian::little ? "little" : "big",
                      vector_text(space.origin.data(), n, 1, 1));
  text += data_file.empty() ? "\n" : fmt::format("data file: {}\n\n", data_file);
  return {std::move(text), gzip(labels.bytes)};
}

}  // namespace nnunet
