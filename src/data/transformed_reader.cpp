#include "transformed_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "label_vote.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_math.h"
#include "readable_box.h"

// Positions are computed in float32 as torch's grid_sample computes them, operation by operation, because labels that
// lie exactly between two voxels are decided by the last bit.
namespace nnunet {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) result[i][j] += a[i][k] * b[k][j];
  return result;
}

Matrix exact_matrix(const SpatialTransform& how, Axes axes) {
  const auto cosine = [&](std::size_t i) { return std::cos(how.angles[i]); };
  const auto sine = [&](std::size_t i) { return std::sin(how.angles[i]); };
  const Matrix rx{{{1, 0, 0}, {0, cosine(0), -sine(0)}, {0, sine(0), cosine(0)}}};
  const Matrix ry{{{cosine(1), 0, sine(1)}, {0, 1, 0}, {-sine(1), 0, cosine(1)}}};
  const Matrix rz{{{cosine(2), -sine(2), 0}, {sine(2), cosine(2), 0}, {0, 0, 1}}};
  Matrix all = axes == Axes::InPlane ? rx : product(product(rz, ry), rx);
  for (auto& row : all)
    for (std::size_t j = 0; j < 3; ++j) row[j] *= how.scale[j];
  return all;
}

/// What the voxels of one output row share.
struct RowPlace {
  std::array<float, 3> before{}, along{};  // M q = before + along * (the row's own coordinate)
  std::array<float, 3> half{}, size{};     // of the initial patch
  float first = 0;                         // own coordinate of the row's first voxel
};

/// A row's places, as arrays along W: the first neighbour, the distance to it, its index in the box.
struct RowPlaces {
  std::array<std::int32_t*, 3> corner{};
  std::array<float*, 3> fraction{};
  std::int64_t* first = nullptr;
};

/// Places of a row [begin, end).
struct Run {
  std::int32_t begin = 0, end = 0;
};
/// Those with neighbours that can be read, and those all of whose neighbours can. The box is convex and the row
/// straight, so that they lie together.
struct ReadableRuns {
  Run some, all;
};

constexpr std::int64_t kLanes =
    16;  // rows are computed as multiples of it: places behind the row cost less than a rest

// width: with the places behind the row, which are computed and not used.
constexpr Vectorized find_places = [](const RowPlace& row, std::size_t first_axis, std::int32_t width,
                                      const RowPlaces& to) NNUNET_INLINED {
  for (std::size_t axis = first_axis; axis < 3; ++axis) {
    const float before = row.before[axis], along = row.along[axis], half = row.half[axis], size = row.size[axis];
    const float first = row.first;
    std::int32_t* __restrict corner = to.corner[axis];
    float* __restrict fraction = to.fraction[axis];
    for (std::int32_t w = 0; w < width; ++w) {
      const float q = first + static_cast<float>(w);
      const float place = augmenting::place_on_axis(before, along, q, half, size);
      const std::int32_t below = augmenting::voxel_below(place);
      corner[w] = below;
      fraction[w] = place - static_cast<float>(below);
    }
  }
};

// more_z: 1, or 0 in a plane, where there is no neighbour along D.
constexpr Vectorized find_runs = [](const ReadableBox& box, std::int32_t more_z, std::int32_t width,
                                    const RowPlaces& places) NNUNET_INLINED {
  const std::int32_t* __restrict z = places.corner[0];
  const std::int32_t* __restrict y = places.corner[1];
  const std::int32_t* __restrict x = places.corner[2];
  const auto [z0, y0, x0] = box.low;
  const auto [z1, y1, x1] = box.high;
  std::int32_t some_begin = width, some_end = 0, all_begin = width, all_end = 0;
  for (std::int32_t w = 0; w < width; ++w) {
    const std::int32_t z2 = z[w] + more_z, y2 = y[w] + 1, x2 = x[w] + 1;
    const bool some = (z2 >= z0) & (z[w] < z1) & (y2 >= y0) & (y[w] < y1) & (x2 >= x0) & (x[w] < x1);
    const bool all = (z[w] >= z0) & (z2 < z1) & (y[w] >= y0) & (y2 < y1) & (x[w] >= x0) & (x2 < x1);
    const std::int32_t some_here = some ? w : width, all_here = all ? w : width;
    const std::int32_t some_after = some ? w + 1 : 0, all_after = all ? w + 1 : 0;
    some_begin = some_begin < some_here ? some_begin : some_here;
    all_begin = all_begin < all_here ? all_begin : all_here;
    some_end = some_end > some_after ? some_end : some_after;
    all_end = all_end > all_after ? all_end : all_after;
  }
  return ReadableRuns{{some_begin, some_end}, {all_begin, all_end}};
};

constexpr Vectorized find_first = [](const ReadableBox& box, std::int32_t width,
                                     const RowPlaces& places) NNUNET_INLINED {
  const std::int32_t* __restrict z = places.corner[0];
  const std::int32_t* __restrict y = places.corner[1];
  const std::int32_t* __restrict x = places.corner[2];
  std::int64_t* __restrict first = places.first;
  const auto [z0, y0, x0] = box.low;
  const std::int64_t plane = box.stride[0], row = box.stride[1];
  for (std::int32_t w = 0; w < width; ++w)
    first[w] = static_cast<std::int64_t>(z[w] - z0) * plane + static_cast<std::int64_t>(y[w] - y0) * row +
               static_cast<std::int64_t>(x[w] - x0);
};

/// The neighbours of a row's places as pairs along W: one array for each pair, of D (slow) and H (fast).
template <class T>
using Pairs = std::array<T*, 4>;

/// Collects them. Two values are moved at once: that is what most of the time goes to.
template <std::size_t kPairs, class T>
void collect_pairs(const T* from, const std::int64_t* first, std::int64_t count, std::int64_t plane, std::int64_t row,
                   const Pairs<T>& to) {
  const auto [a, b, c, d] = to;
  for (std::int64_t w = 0; w < count; ++w) {
    const T* const s = from + first[w];
    std::memcpy(a + 2 * w, s, 2 * sizeof(T));
    std::memcpy(b + 2 * w, s + row, 2 * sizeof(T));
    if constexpr (kPairs == 4) {
      std::memcpy(c + 2 * w, s + plane, 2 * sizeof(T));
      std::memcpy(d + 2 * w, s + plane + row, 2 * sizeof(T));
    }
  }
}

NNUNET_INLINE float between(float a, float b, float fraction) {
  return a + fraction * (b - a);
}

constexpr Vectorized blend_planes = [](const Pairs<float>& from, const std::array<const float*, 3>& fraction,
                                       std::int64_t count, float* __restrict out) NNUNET_INLINED {
  const float *a = from[0], *b = from[1], *fy = fraction[1], *fx = fraction[2];
  for (std::int64_t w = 0; w < count; ++w) {
    const float low = between(a[2 * w], a[2 * w + 1], fx[w]), high = between(b[2 * w], b[2 * w + 1], fx[w]);
    out[w] = between(low, high, fy[w]);
  }
};

constexpr Vectorized blend_volumes = [](const Pairs<float>& from, const std::array<const float*, 3>& fraction,
                                        std::int64_t count, float* __restrict out) NNUNET_INLINED {
  const auto [a, b, c, d] = from;
  const auto [fz, fy, fx] = fraction;
  for (std::int64_t w = 0; w < count; ++w) {
    const float front = between(between(a[2 * w], a[2 * w + 1], fx[w]), between(b[2 * w], b[2 * w + 1], fx[w]), fy[w]);
    const float back = between(between(c[2 * w], c[2 * w + 1], fx[w]), between(d[2 * w], d[2 * w + 1], fx[w]), fy[w]);
    out[w] = between(front, back, fz[w]);
  }
};

// The first neighbour's label, and whether another one differs.
constexpr Vectorized first_label = []<std::size_t kPairs>(std::integral_constant<std::size_t, kPairs>,
                                                          const Pairs<std::int16_t>& from, std::int64_t count,
                                                          std::int16_t* __restrict out,
                                                          std::int16_t* __restrict differs) NNUNET_INLINED {
  for (std::int64_t w = 0; w < count; ++w) {
    const std::int16_t first = from[0][2 * w];
    int difference = 0;
    for (std::size_t pair = 0; pair < kPairs; ++pair)
      difference |= (first ^ from[pair][2 * w]) | (first ^ from[pair][2 * w + 1]);
    out[w] = first;
    differs[w] = static_cast<std::int16_t>(difference);
  }
};

/// The neighbours of a place at the border, along each axis: those that cannot be read have no weight and the index of
/// one that can.
struct BorderPlace {
  std::array<std::array<std::int64_t, 2>, 3> index{};
  std::array<std::array<float, 2>, 3> weight{};
  std::array<std::array<bool, 2>, 3> readable{};
};

/// Reads a transformed patch row by row. kInPlane: the first axis stays as it is.
template <bool kInPlane>
class TransformedReader {
 public:
  static constexpr std::size_t kCorners = kInPlane ? 4 : 8;

  TransformedReader(const PatchSource& source, const SpatialTransform& how, const PatchReading& reading,
                    const Shape3& patch, SpatialScratch& scratch)
      : source_(source), reading_(reading), patch_(patch), box_(source), matrix_(transform_matrix(how, reading.axes)) {
    const std::size_t room = at(padded());
    for (std::size_t i = 0; i < 3; ++i) {
      size_[i] = static_cast<float>(source.size[i]);
      scratch.fraction[i].assign(room, 0.0F);
      scratch.corner[i].resize(room);
      places_.fraction[i] = scratch.fraction[i].data();
      places_.corner[i] = scratch.corner[i].data();
    }
    scratch.first.resize(room);
    scratch.differs.resize(room);
    scratch.values.resize(8 * room);
    scratch.labels.resize(8 * room);
    places_.first = scratch.first.data();
    differs_ = scratch.differs.data();
    for (std::size_t pair = 0; pair < 4; ++pair) {
      values_[pair] = scratch.values.data() + 2 * pair * room;
      labels_[pair] = scratch.labels.data() + 2 * pair * room;
    }
  }

  void read(TrainingPatch& to) {
    for (std::int64_t d = 0; d < patch_[0]; ++d) {
      for (std::int64_t h = 0; h < patch_[1]; ++h) {
        find(d, h);
        const std::int64_t row = (d * patch_[1] + h) * patch_[2];
        for (std::int64_t c = 0; c < source_.from.channels; ++c)
          image(source_.from.image + c * volume(source_.from.size) + box_.offset, to.image.slab(c).data() + row);
        for (std::size_t c = 0; c < source_.from.labels.size(); ++c)
          labels(source_.from.labels[c] + box_.offset, to.labels.slab(static_cast<std::int64_t>(c)).data() + row);
      }
    }
    vote_.decide();
  }

 private:
  void find(std::int64_t d, std::int64_t h) {
    const float z = augmenting::centred(d, patch_[0]), y = augmenting::centred(h, patch_[1]);
    RowPlace row{.size = size_, .first = augmenting::centred(0, patch_[2])};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto& m = matrix_[axis];
      row.before[axis] = kInPlane ? y * m[1] : z * m[0] + y * m[1];
      row.along[axis] = m[2];
      row.half[axis] = size_[axis] / 2.0F;
    }
    if (kInPlane) std::fill_n(places_.corner[0], padded(), static_cast<std::int32_t>(d));
    find_places(row, std::size_t{kInPlane ? 1 : 0}, padded(), places_);
    runs_ = box_.empty() ? ReadableRuns() : find_runs(box_, kInPlane ? 0 : 1, padded(), places_);
    const auto width = static_cast<std::int32_t>(patch_[2]);
    for (Run* const run : {&runs_.some, &runs_.all}) {
      run->end = std::min(run->end, width);
      run->begin = std::min(run->begin, run->end);
    }
    if (runs_.all.begin == runs_.all.end) runs_.all = {runs_.some.begin, runs_.some.begin};
    if (runs_.all.begin < runs_.all.end) find_first(box_, padded(), places_);
  }

  std::int32_t padded() const { return static_cast<std::int32_t>((patch_[2] + kLanes - 1) / kLanes * kLanes); }

  /// Calls body(w) for each place of the row that has neighbours on both sides of the border; sets those outside.
  template <class T, class Body>
  void border(T outside, T* out, const Body& body) const {
    const auto [some, all] = runs_;
    std::fill(out, out + some.begin, outside);
    for (std::int32_t w = some.begin; w < all.begin; ++w) body(w);
    for (std::int32_t w = all.end; w < some.end; ++w) body(w);
    std::fill(out + some.end, out + patch_[2], outside);
  }

  /// Number of the nearest corner, half to even.
  std::int32_t nearest(std::int64_t w) const {
    std::int32_t corner = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const bool up = augmenting::nearer_above(places_.fraction[axis][w], places_.corner[axis][w]);
      corner = 2 * corner + (up ? 1 : 0);
    }
    return corner;
  }

  BorderPlace border_place(std::int64_t w) const {
    BorderPlace place;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (std::size_t second = 0; second < 2; ++second) {
        const auto i = static_cast<std::int32_t>(places_.corner[axis][w] + static_cast<int>(second));
        const float fraction = places_.fraction[axis][w];
        const bool readable = box_.holds(axis, i);
        place.readable[axis][second] = readable;
        place.index[axis][second] =
            (std::clamp(i, box_.low[axis], box_.high[axis] - 1) - box_.low[axis]) * box_.stride[axis];
        place.weight[axis][second] = readable ? (second == 1 ? fraction : 1 - fraction) : 0;
      }
    }
    return place;
  }

  template <class T>
  T nearest_value(const T* from, std::int64_t w, T outside) const {
    const BorderPlace p = border_place(w);
    const auto corner = static_cast<std::size_t>(nearest(w));
    const std::size_t z = corner >> 2, y = corner >> 1 & 1, x = corner & 1;
    const bool readable = p.readable[0][z] && p.readable[1][y] && p.readable[2][x];
    return readable ? from[p.index[0][z] + p.index[1][y] + p.index[2][x]] : outside;
  }

  template <class T>
  void read_nearest(const T* from, T outside, T* out) const {
    border(outside, out, [&](std::int64_t w) { out[w] = nearest_value(from, w, outside); });
    for (std::int32_t w = runs_.all.begin; w < runs_.all.end; ++w) {
      const std::int32_t corner = nearest(w);
      out[w] =
          from[places_.first[w] + (corner >> 2) * box_.stride[0] + (corner >> 1 & 1) * box_.stride[1] + (corner & 1)];
    }
  }

  float border_value(const float* from, std::int64_t w) const {
    const BorderPlace p = border_place(w);
    float sum = 0;
    for (std::size_t z = 0; z < (kInPlane ? 1 : 2); ++z) {
      for (std::size_t y = 0; y < 2; ++y) {
        const float* const row = from + p.index[0][z] + p.index[1][y];
        sum += p.weight[0][z] * p.weight[1][y] *
               (p.weight[2][0] * row[p.index[2][0]] + p.weight[2][1] * row[p.index[2][1]]);
      }
    }
    return sum;
  }

  void image(const float* from, float* out) const {
    if (reading_.image == PatchInterpolation::nearest) {
      read_nearest(from, 0.0F, out);
      return;
    }
    border(0.0F, out, [&](std::int64_t w) { out[w] = border_value(from, w); });
    const std::int64_t begin = runs_.all.begin, count = runs_.all.end - begin;
    if (count == 0) return;
    collect_pairs<kCorners / 2>(from, places_.first + begin, count, box_.stride[0], box_.stride[1], values_);
    const std::array<const float*, 3> fraction{places_.fraction[0] + begin, places_.fraction[1] + begin,
                                               places_.fraction[2] + begin};
    if constexpr (kInPlane)
      blend_planes(values_, fraction, count, out + begin);
    else
      blend_volumes(values_, fraction, count, out + begin);
  }

  void labels(const std::int16_t* from, std::int16_t* out) {
    if (reading_.labels == PatchInterpolation::nearest) {
      read_nearest(from, std::int16_t{-1}, out);
      return;
    }
    border(std::int16_t{-1}, out, [&](std::int64_t w) { border_label(from, w, out + w); });
    const std::int64_t begin = runs_.all.begin, count = runs_.all.end - begin;
    if (count == 0) return;
    collect_pairs<kCorners / 2>(from, places_.first + begin, count, box_.stride[0], box_.stride[1], labels_);
    first_label(std::integral_constant<std::size_t, kCorners / 2>(), std::as_const(labels_), count, out + begin,
                differs_);
    for (std::int64_t i = 0; i < count; ++i) {
      if (differs_[i] == 0) continue;
      std::array<std::int16_t, kCorners> label{};
      for (std::size_t corner = 0; corner < kCorners; ++corner)
        label[corner] = labels_[corner / 2][2 * i + static_cast<std::int64_t>(corner % 2)];
      vote(label, begin + i, out + begin + i);
    }
  }

  void border_label(const std::int16_t* from, std::int64_t w, std::int16_t* out) {
    const BorderPlace p = border_place(w);
    std::array<std::int16_t, kCorners> label{};
    int difference = 0;
    for (std::size_t corner = 0; corner < kCorners; ++corner) {
      const std::size_t z = corner >> 2, y = corner >> 1 & 1, x = corner & 1;
      const bool readable = p.readable[0][z] & p.readable[1][y] & p.readable[2][x];
      const std::int16_t there = from[p.index[0][z] + p.index[1][y] + p.index[2][x]];
      label[corner] = readable ? there : std::int16_t{-1};
      difference |= label[corner] ^ label[0];
    }
    *out = label[0];
    if (difference != 0) vote(label, w, out);
  }

  void vote(const std::array<std::int16_t, kCorners>& label, std::int64_t w, std::int16_t* out) {
    vote_.add(label, {places_.fraction[0][w], places_.fraction[1][w], places_.fraction[2][w]}, nearest(w), out);
  }

  const PatchSource& source_;
  const PatchReading reading_;
  const Shape3 patch_;
  const ReadableBox box_;
  const TransformMatrix matrix_;
  std::array<float, 3> size_{};
  RowPlaces places_;
  ReadableRuns runs_;
  std::int16_t* differs_ = nullptr;
  Pairs<float> values_{};
  Pairs<std::int16_t> labels_{};
  LabelVote<kCorners> vote_;
};

}  // namespace

TransformMatrix transform_matrix(const SpatialTransform& how, Axes axes) {
  const Matrix exact = exact_matrix(how, axes);
  TransformMatrix matrix{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) matrix[i][j] = static_cast<float>(exact[i][j]);
  return matrix;
}

void read_transformed(const PatchSource& source, const SpatialTransform& how, const PatchReading& reading,
                      const Shape3& patch, TrainingPatch& to, SpatialScratch& scratch) {
  if (reading.axes == Axes::InPlane)
    TransformedReader<true>(source, how, reading, patch, scratch).read(to);
  else
    TransformedReader<false>(source, how, reading, patch, scratch).read(to);
}

}  // namespace nnunet
