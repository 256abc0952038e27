#include "nnunet/io/image_orientation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

/// Of each file axis: the world axis (R, A, S) that it is closest to, and whether it runs against it.
struct Closest {
  std::array<int, 3> world{};
  std::array<bool, 3> against{}, taken{};
};

/// The affine's columns as unit vectors.
Matrix unit_columns(const Geometry& geometry, const std::string& name) {
  Matrix m{};
  for (std::size_t j = 0; j < 3; ++j) {
    const auto& a = geometry.affine;
    const double length = std::sqrt(a[0][j] * a[0][j] + a[1][j] * a[1][j] + a[2][j] * a[2][j]);
    if (!(length > 0) || !std::isfinite(length))
      throw Error(name, "its affine is singular, so its axes have no direction", "repair its header");
    for (std::size_t i = 0; i < 3; ++i) m[i][j] = a[i][j] / length;
  }
  return m;
}

double determinant(const Matrix& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

Matrix inverse_transposed(const Matrix& m, double det) {
  Matrix result{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t r = (i + 1) % 3, s = (i + 2) % 3, u = (j + 1) % 3, v = (j + 2) % 3;
      result[i][j] = (m[r][u] * m[s][v] - m[r][v] * m[s][u]) / det;
    }
  }
  return result;
}

/// The rotation (or reflection) nearest to the matrix: its polar factor, by Newton's iteration.
Matrix without_shear(Matrix m, const std::string& name) {
  for (int step = 0; step < 100; ++step) {
    const double det = determinant(m);
    if (!(std::abs(det) > 1e-12))
      throw Error(name, "its affine is singular, so its axes have no direction", "repair its header");
    const Matrix other = inverse_transposed(m, det);
    double change = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        const double mean = (m[i][j] + other[i][j]) / 2;
        change = std::max(change, std::abs(mean - m[i][j]));
        m[i][j] = mean;
      }
    }
    if (change < 1e-15) break;
  }
  return m;
}

void assign(Closest& closest, Matrix& m, std::size_t axis) {
  std::size_t world = 3;
  for (std::size_t i = 0; i < 3; ++i)
    if (!closest.taken[i] && (world == 3 || std::abs(m[i][axis]) > std::abs(m[world][axis]))) world = i;
  closest.world[axis] = static_cast<int>(world);
  closest.against[axis] = m[world][axis] < 0;
  closest.taken[world] = true;
  m[world] = {0, 0, 0};
}

/// nibabel: axes with the largest component first, each takes what is left of the world's.
Closest closest_by_nibabel(const Geometry& geometry, const std::string& name) {
  Matrix m = without_shear(unit_columns(geometry, name), name);
  std::array<std::size_t, 3> order{0, 1, 2};
  const auto largest = [&m = std::as_const(m)](std::size_t j) {
    return std::max({m[0][j] * m[0][j], m[1][j] * m[1][j], m[2][j] * m[2][j]});
  };
  std::array<double, 3> strength{largest(0), largest(1), largest(2)};
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return strength[a] > strength[b]; });
  Closest closest;
  for (const std::size_t axis : order) assign(closest, m, axis);
  return closest;
}

/// ITK: the largest direction cosine of all that are left, three times.
Closest closest_by_itk(const Geometry& geometry, const std::string& name) {
  Matrix m = unit_columns(geometry, name);
  Closest closest;
  std::array<bool, 3> done{};
  for (int step = 0; step < 3; ++step) {
    std::size_t best = 3;
    double most = -1;
    for (std::size_t j = 0; j < 3; ++j) {
      const double size = std::max({std::abs(m[0][j]), std::abs(m[1][j]), std::abs(m[2][j])});
      if (!done[j] && size > most) best = j, most = size;
    }
    done[best] = true;
    assign(closest, m, best);
  }
  return closest;
}

/// to[z][y][x] = from[...] with the axes turned.
template <class T>
void turn(const T* from, const Shape3& from_shape, const std::array<int, 3>& source, const std::array<bool, 3>& flipped,
          T* to, const Shape3& to_shape) {
  const std::array<std::int64_t, 3> from_step{1, from_shape[2], from_shape[1] * from_shape[2]};
  std::array<std::int64_t, 3> step{};
  std::int64_t start = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    step[i] = from_step[static_cast<std::size_t>(source[i])];
    if (!flipped[i]) continue;
    start += step[i] * (to_shape[2 - i] - 1);
    step[i] = -step[i];
  }
  for (std::int64_t z = 0; z < to_shape[0]; ++z)
    for (std::int64_t y = 0; y < to_shape[1]; ++y) {
      const T* row = from + start + z * step[2] + y * step[1];
      for (std::int64_t x = 0; x < to_shape[2]; ++x) *to++ = row[x * step[0]];
    }
}

Shape3 turned_shape(const Shape3& shape, const std::array<int, 3>& source) {
  Shape3 turned{};
  for (std::size_t i = 0; i < 3; ++i) turned[2 - i] = shape[2 - static_cast<std::size_t>(source[i])];
  return turned;
}

/// Channels (C,D,H,W), or labels (D,H,W).
template <class T>
Array<T> turned(const Array<T>& voxels, const std::array<int, 3>& source, const std::array<bool, 3>& flipped) {
  const Shape3 from = voxels.spatial(), to = turned_shape(from, source);
  Array<T> result;
  result.shape = voxels.shape;
  std::copy(to.begin(), to.end(), result.shape.end() - 3);
  result.values.resize(voxels.values.size());
  const auto size = static_cast<std::size_t>(volume(from));
  for (std::size_t at = 0; at < voxels.values.size(); at += size)
    turn(voxels.data() + at, from, source, flipped, result.data() + at, to);
  return result;
}

template <class T>
Array<T> turned_back(const Reorientation& r, const Array<T>& voxels) {
  std::array<int, 3> source{};
  std::array<bool, 3> flipped{};
  for (std::size_t i = 0; i < 3; ++i) {
    source[static_cast<std::size_t>(r.source[i])] = static_cast<int>(i);
    flipped[static_cast<std::size_t>(r.source[i])] = r.flipped[i];
  }
  return turned(voxels, source, flipped);
}

Geometry turned_geometry(const Geometry& original, const Reorientation& r) {
  Geometry geometry = original;
  geometry.header.clear();
  geometry.shape = turned_shape(original.shape, r.source);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto from = static_cast<std::size_t>(r.source[i]);
    geometry.spacing[2 - i] = original.spacing[2 - from];
    for (std::size_t k = 0; k < 3; ++k) {
      const double step = original.affine[k][from];
      geometry.affine[k][i] = r.flipped[i] ? -step : step;
      if (r.flipped[i]) geometry.affine[k][3] += step * static_cast<double>(original.shape[2 - from] - 1);
    }
  }
  return geometry;
}

/// Not inline: GCC 12 takes (double)(float)sqrt(x) in a loop of doubles for sqrt(x) (-O3 -fno-math-errno).
[[gnu::noinline]] float length_in_float(double x, double y, double z) {
  return static_cast<float>(std::sqrt(x * x + y * y + z * z));
}

/// nibabel makes a new header for what it turned: its voxel sizes are the affine's, in float32, whatever pixdim was.
void take_spacing_of_affine(Geometry& geometry) {
  const auto& a = geometry.affine;
  for (std::size_t j = 0; j < 3; ++j)
    geometry.spacing[2 - j] = static_cast<double>(length_in_float(a[0][j], a[1][j], a[2][j]));
}

}  // namespace

bool Reorientation::changes_nothing() const {
  return source == std::array{0, 1, 2} && flipped == std::array{false, false, false};
}

Array<std::uint8_t> Reorientation::undo(const Array<std::uint8_t>& labels) const {
  return turned_back(*this, labels);
}
Array<std::uint16_t> Reorientation::undo(const Array<std::uint16_t>& labels) const {
  return turned_back(*this, labels);
}
Array<float> Reorientation::undo(const Array<float>& channels) const {
  return turned_back(*this, channels);
}

Reorientation canonical_axes(Geometry& geometry, ImageReader reader, const std::string& name) {
  if (geometry.plane) throw Error(name, "is a 2D image, which readers that turn images do not take", "use SimpleITKIO");
  const Closest closest =
      reader == ImageReader::nibabel_reorient ? closest_by_nibabel(geometry, name) : closest_by_itk(geometry, name);
  Reorientation result;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto world = static_cast<std::size_t>(closest.world[axis]);
    result.source[world] = static_cast<int>(axis);
    result.flipped[world] = closest.against[axis];
  }
  result.original = geometry;
  if (result.changes_nothing()) return result;
  geometry = turned_geometry(result.original, result);
  if (reader == ImageReader::nibabel_reorient) take_spacing_of_affine(geometry);
  return result;
}

Reorientation to_canonical(Image& image, ImageReader reader, const std::string& name) {
  Reorientation result = canonical_axes(image.geometry, reader, name);
  if (!result.changes_nothing()) image.voxels = turned(image.voxels, result.source, result.flipped);
  return result;
}

std::string itk_orientation(const Geometry& geometry) {
  constexpr const char* kLetters[3] = {"RL", "AP", "SI"};  // towards, and against, RAS
  const Closest closest = closest_by_itk(geometry, {});
  std::string letters;
  for (std::size_t axis = 0; axis < 3; ++axis) letters += kLetters[closest.world[axis]][closest.against[axis] ? 1 : 0];
  return letters;
}

}  // namespace nnunet
