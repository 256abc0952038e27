#include "nifti_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nifti2_io.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

using nifti1 = nifti_1_header;
using nifti2 = nifti_2_header;
static_assert(sizeof(nifti1) == 348 && sizeof(nifti2) == kMaxNiftiHeader);

constexpr const char* kCheckFile = "check the file with another viewer or fetch it again";

[[noreturn]] void fail(const std::string& name, std::string_view problem, std::string_view remedy = kCheckFile) {
  throw Error(name, problem, remedy);
}

std::int32_t other_order(std::int32_t n) {
  return static_cast<std::int32_t>(__builtin_bswap32(static_cast<std::uint32_t>(n)));
}

/// NIfTI-1 or -2 and byte order, from the header's own size.
struct Kind {
  int version = 0;
  bool swapped = false;
};

Kind kind_of(std::span<const std::byte> start, const std::string& name) {
  std::int32_t size = 0;
  if (start.size() < sizeof(nifti1)) {
    fail(name, fmt::format("the file is truncated within its header ({} bytes)", start.size()));
  }
  std::memcpy(&size, start.data(), sizeof size);
  for (const bool swapped : {false, true}) {
    const std::int32_t n = swapped ? other_order(size) : size;
    if (n == static_cast<std::int32_t>(sizeof(nifti1))) return {1, swapped};
    if (n == static_cast<std::int32_t>(sizeof(nifti2))) return {2, swapped};
  }
  fail(name, "is not a NIfTI file (the size of its header is neither 348 nor 540)", "convert it to .nii.gz");
}

/// "n+1" and "n+2" are whole files; "ni1" and "ni2" headers of a pair.
template <class Header>
void check_magic(const Header& header, int version, const std::string& name) {
  const std::string pair = fmt::format("ni{}", version), single = fmt::format("n+{}", version);
  const std::string magic(header.magic, 3);
  if (magic == pair) {
    fail(name, "is the header of a detached .hdr/.img pair", "convert the pair to one .nii.gz file");
  }
  bool tail = header.magic[3] == '\0';
  if constexpr (sizeof header.magic == 8) tail = tail && std::memcmp(header.magic + 4, "\r\n\032\n", 4) == 0;
  if (magic != single || !tail) fail(name, "is not a NIfTI file (bad magic)", "convert it to .nii.gz");
}

template <class Header>
Header native_header(std::span<const std::byte> start, bool swapped, const std::string& name) {
  Header header;
  if (start.size() < sizeof header) fail(name, "the file is truncated within its header");
  std::memcpy(&header, start.data(), sizeof header);
  if (swapped) {
    if constexpr (std::is_same_v<Header, nifti1>) {
      nifti_swap_as_nifti1(&header);
    } else {
      nifti_swap_as_nifti2(&header);
    }
  }
  return header;
}

/// The channels are the 4th axis or, as ITK writes vectors, the 5th with one voxel on the 4th.
template <class Header>
void read_shape(const Header& header, NiftiHeader& result, const std::string& name, const NiftiLimits& limits) {
  const std::int64_t axes = header.dim[0];
  if (axes < 1 || axes > 7) fail(name, fmt::format("the header has {} axes", axes));
  if (axes < 2) fail(name, "has one axis only, not an image");
  const auto dim = [&](int i) { return i <= axes ? static_cast<std::int64_t>(header.dim[i]) : 1; };
  std::int64_t voxels = 1;
  for (int i = 1; i <= axes; ++i) {
    if (dim(i) < 1) fail(name, fmt::format("the header has {} voxels along axis {}", dim(i), i));
    if (i > 5 && dim(i) > 1)
      fail(name, fmt::format("has {} axes, at most 5 are known", i), "put the channels on the 4th axis");
    if (__builtin_mul_overflow(voxels, dim(i), &voxels) || voxels > limits.max_voxels) {
      fail(name, fmt::format("the header has absurd dimensions (more than {} voxels)", limits.max_voxels));
    }
  }
  if (dim(4) > 1 && dim(5) > 1) {
    fail(name, fmt::format("has {} volumes of {} components each; one of the two can be the channels", dim(4), dim(5)),
         "put the channels on the 4th axis and store each time as its own file");
  }
  result.geometry.shape = {dim(3), dim(2), dim(1)};
  result.geometry.plane = axes == 2;
  result.channels = dim(4) * dim(5);
}

/// Slope 0 or not finite means no scaling.
template <class Header>
void read_scaling(const Header& header, NiftiHeader& result, const std::string& name) {
  const double slope = header.scl_slope, inter = header.scl_inter;
  if (slope == 0 || !std::isfinite(slope)) return;
  if (!std::isfinite(inter)) fail(name, fmt::format("scl_inter is {}", inter), "repair it in the header");
  result.slope = slope;
  result.inter = inter;
}

template <class Header>
void read_offset(const Header& header, NiftiHeader& result, const std::string& name) {
  const double offset = static_cast<double>(header.vox_offset);
  const double smallest = sizeof(Header);
  if (offset == 0) {
    result.offset = sizeof(Header) + 4;
    return;
  }
  if (!(offset >= smallest && offset < 1e12)) fail(name, fmt::format("the header has a bad vox_offset ({})", offset));
  result.offset = static_cast<std::size_t>(offset);
}

using Affine = std::array<std::array<double, 4>, 4>;

Affine from_nifti(const nifti_dmat44& m) {
  Affine a{};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) a[i][j] = m.m[i][j];
  }
  return a;
}

/// Without sform and qform: the volume's centre at the origin and x towards the left, as nibabel assumes.
Affine pixdim_affine(const Geometry& geometry) {
  Affine a{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double step = geometry.spacing[2 - i] * (i == 0 ? -1 : 1);
    a[i][i] = step;
    a[i][3] = -step * static_cast<double>(geometry.shape[2 - i] - 1) / 2;
  }
  a[3][3] = 1;
  return a;
}

/// Millimetres of the unit that pixdim and affine are in.
template <class Header>
double read_unit(const Header& header, NiftiHeader& result, const std::string& name) {
  const int unit = header.xyzt_units & 7;  // the other bits are those of time
  switch (unit) {
    case NIFTI_UNITS_METER:
      return 1000;
    case NIFTI_UNITS_MICRON:
      return 0.001;
    case NIFTI_UNITS_UNKNOWN:  // nearly always millimetres that nobody noted down
    case NIFTI_UNITS_MM:
      return 1;
    default:
      // Readers that do not look at units take such a file for millimetres, too, and show it rightly.
      result.warnings.push_back(fmt::format(
          "{}: the unit of length {} in its header (xyzt_units) is not known, millimetres are assumed", name, unit));
      return 1;
  }
}

template <class Header>
std::array<double, 3> sform_voxel(const Header& header) {
  std::array<double, 3> size{};
  for (std::size_t i = 0; i < 3; ++i) {
    size[i] = std::hypot(static_cast<double>(header.srow_x[i]), static_cast<double>(header.srow_y[i]),
                         static_cast<double>(header.srow_z[i]));
  }
  return size;
}

/// Makes pixdim usable, as nibabel does: negative ones count without their sign, 0 is 1. Where the sform says how large
/// the voxels are, it is believed instead of that 1, and stands in for NaN and infinity, which nibabel lets through.
/// A plane (2 axes) need not say its thickness: 1 mm then.
template <class Header>
void repair_pixdim(Header& header, double unit, NiftiHeader& result, const std::string& name) {
  using Real = std::remove_reference_t<decltype(header.pixdim[0])>;
  const std::array<double, 3> by_sform = sform_voxel(header);
  for (std::size_t i = 1; i <= 3; ++i) {
    const auto stored = static_cast<double>(header.pixdim[i]);
    const bool usable = std::isfinite(stored) && static_cast<float>(stored) != 0;
    if (usable && stored > 0) continue;
    const bool outside = static_cast<std::int64_t>(i) > header.dim[0];
    const bool by_affine = !usable && !outside && header.sform_code > 0 && by_sform[i - 1] > 0;
    if (!std::isfinite(stored) && !outside && !by_affine)
      fail(name, fmt::format("the voxel spacing along axis {} is {}, and no sform says it", i, stored),
           "repair pixdim in its header");
    const double repaired = usable ? std::abs(stored) : by_affine ? by_sform[i - 1] : outside ? 1 / unit : 1;
    header.pixdim[i] = static_cast<Real>(repaired);
    if (outside) continue;
    result.warnings.push_back(fmt::format("{}: pixdim[{}] is {}, {:.6g} is taken ({})", name, i, stored, repaired,
                                          usable      ? "its absolute value"
                                          : by_affine ? "the affine's voxel size"
                                                      : "as nibabel does"));
  }
}

/// NIfTI-2 has it in double; float32 as everywhere else. A unit noted down by mistake makes a body of a city's size or
/// a bacterium's.
template <class Header>
void read_spacing(const Header& header, double unit, NiftiHeader& result, const std::string& name) {
  for (std::size_t i = 1; i <= 3; ++i) {
    const double stored = static_cast<double>(static_cast<float>(header.pixdim[i]));
    const double spacing = static_cast<double>(static_cast<float>(stored * unit));
    if (!std::isfinite(spacing) || spacing <= 0)
      fail(name, fmt::format("the voxel spacing along axis {} is {} mm", i, stored * unit),
           "repair pixdim and xyzt_units in its header");
    result.geometry.spacing[3 - i] = spacing;
  }
  const auto [least, most] = std::ranges::minmax(result.geometry.spacing);
  if (unit == 1 || (least >= 0.01 && most <= 100)) return;
  result.warnings.push_back(
      fmt::format("{}: its header is in {}, which makes its voxels {:.4g} mm. Repair xyzt_units "
                  "if that is wrong",
                  name, unit > 1 ? "metres" : "micrometres",
                  fmt::join(result.geometry.spacing.rbegin(), result.geometry.spacing.rend(), " x ")));
}

struct FreeImage {
  void operator()(nifti_image* image) const { nifti_image_free(image); }
};

std::unique_ptr<nifti_image, FreeImage> to_image(const nifti1& header) {
  return std::unique_ptr<nifti_image, FreeImage>(nifti_convert_n1hdr2nim(header, nullptr));
}
std::unique_ptr<nifti_image, FreeImage> to_image(const nifti2& header) {
  return std::unique_ptr<nifti_image, FreeImage>(nifti_convert_n2hdr2nim(header, nullptr));
}

Affine in_mm(Affine a, double unit) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (double& value : a[i]) value *= unit;
  }
  return a;
}

/// NaN and infinity in the form that is used; the library would take those of a qform for 0.
template <class Header>
void require_finite_form(const Header& header, const std::string& name) {
  const bool sform = header.sform_code > 0;
  if (!sform && header.qform_code <= 0) return;
  std::vector<double> values;
  for (std::size_t i = 0; sform && i < 4; ++i)
    values.insert(values.end(), {header.srow_x[i], header.srow_y[i], header.srow_z[i]});
  if (!sform)
    values = {header.quatern_b, header.quatern_c, header.quatern_d,
              header.qoffset_x, header.qoffset_y, header.qoffset_z};
  if (std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return;
  fail(name, fmt::format("the affine in its header ({}) holds NaN or infinite values", sform ? "sform" : "qform"),
       "repair the header, or set the code of that form to 0");
}

/// header: with its pixdim repaired.
template <class Header>
void read_affine(const Header& header, double unit, NiftiHeader& result, const std::string& name) {
  // Its messages would go to stderr past our log.
  static const bool silenced = (nifti_set_debug_level(0), true);
  (void)silenced;
  require_finite_form(header, name);
  const auto image = to_image(header);
  if (!image) fail(name, "the header is not a valid NIfTI header");
  Geometry& geometry = result.geometry;
  if (header.sform_code > 0) {
    geometry.affine = in_mm(from_nifti(image->sto_xyz), unit);
  } else if (header.qform_code > 0) {
    geometry.affine = in_mm(from_nifti(image->qto_xyz), unit);
  } else {
    geometry.affine = pixdim_affine(geometry);
  }
}

/// Two voxel sizes in one header: programs that read the other one see another image.
template <class Header>
void compare_sizes(const Header& header, double unit, NiftiHeader& result, const std::string& name) {
  if (header.sform_code <= 0) return;  // else the affine is made from pixdim
  constexpr double kTolerance = 0.01;
  const std::array<double, 3> by_sform = sform_voxel(header);
  std::array<double, 3> by_pixdim{}, by_affine{};
  bool differ = false;
  for (std::size_t i = 0; i < 3; ++i) {
    by_pixdim[i] = result.geometry.spacing[2 - i];
    by_affine[i] = by_sform[i] * unit;
    if (static_cast<std::int64_t>(i) < header.dim[0])
      differ = differ || std::abs(by_affine[i] - by_pixdim[i]) > kTolerance * by_pixdim[i];
  }
  if (!differ) return;
  result.warnings.push_back(
      fmt::format("{}: its voxels are {:.6g} mm by pixdim and {:.6g} mm by the affine; pixdim is used. Repair the "
                  "header if that is wrong",
                  name, fmt::join(by_pixdim, " x "), fmt::join(by_affine, " x ")));
}

template <class Header>
NiftiHeader understand(const Header& header, Kind kind, const std::string& name, const NiftiLimits& limits) {
  check_magic(header, kind.version, name);
  NiftiHeader result;
  result.swapped = kind.swapped;
  result.datatype = header.datatype;
  result.voxel_bytes = bytes_of_type(header.datatype);
  if (result.voxel_bytes == 0) {
    fail(name, fmt::format("voxels of type {} are not supported", nifti_datatype_to_string(header.datatype)),
         "convert it to an integer or float type");
  }
  read_shape(header, result, name, limits);
  const double unit = read_unit(header, result, name);
  Header repaired = header;
  repair_pixdim(repaired, unit, result, name);
  read_spacing(repaired, unit, result, name);
  read_scaling(header, result, name);
  read_offset(header, result, name);
  read_affine(repaired, unit, result, name);
  compare_sizes(repaired, unit, result, name);
  result.geometry.header.resize(sizeof header);
  std::memcpy(result.geometry.header.data(), &header, sizeof header);
  return result;
}

// ---- Writing ----

nifti_dmat44 to_nifti(const Affine& a) {
  nifti_dmat44 m{};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) m.m[i][j] = a[i][j];
  }
  return m;
}

/// An affine that is all zero was never set.
bool is_set(const Affine& a) {
  return a[3][3] != 0;
}

/// Both forms, code 1 (scanner); qform only where the axes are orthogonal, which it cannot express otherwise.
template <class Header>
void set_forms(Header& header, const Geometry& geometry) {
  const Affine affine = is_set(geometry.affine) ? geometry.affine : pixdim_affine(geometry);
  using Real = std::remove_reference_t<decltype(header.srow_x[0])>;
  for (std::size_t j = 0; j < 4; ++j) {
    header.srow_x[j] = static_cast<Real>(affine[0][j]);
    header.srow_y[j] = static_cast<Real>(affine[1][j]);
    header.srow_z[j] = static_cast<Real>(affine[2][j]);
  }
  header.sform_code = NIFTI_XFORM_SCANNER_ANAT;
  double b, c, d, x, y, z, dx, dy, dz, fac;
  nifti_dmat44_to_quatern(to_nifti(affine), &b, &c, &d, &x, &y, &z, &dx, &dy, &dz, &fac);
  header.quatern_b = static_cast<Real>(b);
  header.quatern_c = static_cast<Real>(c);
  header.quatern_d = static_cast<Real>(d);
  header.qoffset_x = static_cast<Real>(x);
  header.qoffset_y = static_cast<Real>(y);
  header.qoffset_z = static_cast<Real>(z);
  header.pixdim[0] = static_cast<Real>(fac);
  const Affine back = from_nifti(
      nifti_quatern_to_dmat44(b, c, d, x, y, z, geometry.spacing[2], geometry.spacing[1], geometry.spacing[0], fac));
  double difference = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) difference = std::max(difference, std::abs(back[i][j] - affine[i][j]));
  }
  header.qform_code = difference < 1e-3 ? NIFTI_XFORM_SCANNER_ANAT : NIFTI_XFORM_UNKNOWN;
}

template <class Header>
Header new_header(const Geometry& geometry) {
  Header header{};
  header.sizeof_hdr = sizeof(Header);
  std::memcpy(header.magic, sizeof(Header) == sizeof(nifti1) ? "n+1" : "n+2\0\r\n\032\n",
              sizeof(Header) == sizeof(nifti1) ? 4 : 8);
  header.dim[0] = 3;
  using Real = std::remove_reference_t<decltype(header.pixdim[0])>;
  for (auto& step : header.pixdim) step = 1;
  for (std::size_t i = 0; i < 3; ++i) header.pixdim[i + 1] = static_cast<Real>(geometry.spacing[2 - i]);
  header.xyzt_units = NIFTI_UNITS_MM;
  if constexpr (std::is_same_v<Header, nifti1>) header.regular = 'r';
  set_forms(header, geometry);
  return header;
}

template <class Header>
void describe_voxels(Header& header, const Geometry& geometry, const NiftiOutput& output) {
  // A plane stays a plane.
  const bool plane = header.dim[0] == 2 && geometry.shape[0] == 1 && output.channels == 1;
  using Size = std::remove_reference_t<decltype(header.dim[0])>;
  const std::array<std::int64_t, 8> dim{plane                 ? 2
                                        : output.channels > 1 ? 4
                                                              : 3,
                                        geometry.shape[2],
                                        geometry.shape[1],
                                        geometry.shape[0],
                                        output.channels,
                                        1,
                                        1,
                                        1};
  for (std::size_t i = 0; i < 8; ++i) {
    if (dim[i] > std::numeric_limits<Size>::max()) {
      throw Error("", fmt::format("{} voxels along one axis do not fit into a NIfTI-1 header", dim[i]),
                  "give the image a NIfTI-2 header");
    }
    header.dim[i] = static_cast<Size>(dim[i]);
  }
  header.datatype = static_cast<decltype(header.datatype)>(output.datatype);
  header.bitpix = static_cast<decltype(header.bitpix)>(output.bits);
  header.scl_slope = 1;
  header.scl_inter = 0;
  header.cal_min = header.cal_max = 0;
  header.intent_code = static_cast<decltype(header.intent_code)>(output.intent);
  header.intent_p1 = header.intent_p2 = header.intent_p3 = 0;
  std::memset(header.intent_name, 0, sizeof header.intent_name);
  header.vox_offset = sizeof(Header) + 4;
}

template <class Header>
std::vector<std::byte> finished(Header header, const Geometry& geometry, const NiftiOutput& output) {
  describe_voxels(header, geometry, output);
  std::vector<std::byte> bytes(sizeof header + 4);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

template <class Header>
Header kept_header(const Geometry& geometry) {
  Header header;
  std::memcpy(&header, geometry.header.data(), sizeof header);
  return header;
}

}  // namespace

NiftiHeader parse_nifti_header(std::span<const std::byte> start, const std::string& name, const NiftiLimits& limits) {
  const Kind kind = kind_of(start, name);
  return kind.version == 1 ? understand(native_header<nifti1>(start, kind.swapped, name), kind, name, limits)
                           : understand(native_header<nifti2>(start, kind.swapped, name), kind, name, limits);
}

std::vector<std::byte> make_nifti_header(const Geometry& geometry, const NiftiOutput& output) {
  if (geometry.header.size() == sizeof(nifti1)) return finished(kept_header<nifti1>(geometry), geometry, output);
  if (geometry.header.size() == sizeof(nifti2)) return finished(kept_header<nifti2>(geometry), geometry, output);
  constexpr std::int64_t kLargest = std::numeric_limits<std::int16_t>::max();
  const bool large = std::max({geometry.shape[0], geometry.shape[1], geometry.shape[2], output.channels}) > kLargest;
  return large ? finished(new_header<nifti2>(geometry), geometry, output)
               : finished(new_header<nifti1>(geometry), geometry, output);
}

}  // namespace nnunet
