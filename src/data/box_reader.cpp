#include "box_reader.h"

#include <algorithm>

#include "nnunet/core/vectorized.h"
#include "nnunet/data/augment_math.h"

namespace nnunet {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// The box in place if it lies within the volume, else a copy with zeros around.
template <class T>
BoxView<T> view_box(const T* volume, const Shape3& size, const Shape3& start, const Shape3& box, std::vector<T>& copy) {
  bool inside = true;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    inside = inside && start[axis] >= 0 && start[axis] + box[axis] <= size[axis];
  }
  if (inside) {
    return {volume + (start[0] * size[1] + start[1]) * size[2] + start[2], size[1] * size[2], size[2]};
  }
  copy.assign(at(nnunet::volume(box)), T{0});
  const std::int64_t w0 = std::max<std::int64_t>(0, -start[2]);
  const std::int64_t w1 = std::min(box[2], size[2] - start[2]);
  for (std::int64_t d = 0; d < box[0]; ++d) {
    for (std::int64_t h = 0; h < box[1]; ++h) {
      const std::int64_t z = start[0] + d, y = start[1] + h;
      if (z < 0 || z >= size[0] || y < 0 || y >= size[1] || w0 >= w1) continue;
      const T* const from = volume + (z * size[1] + y) * size[2] + start[2];
      std::copy(from + w0, from + w1, copy.data() + (d * box[1] + h) * box[2] + w0);
    }
  }
  return {copy.data(), box[1] * box[2], box[2]};
}

std::vector<std::int64_t> nearest_axis(std::int64_t in, std::int64_t out, bool flip) {
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < out; ++i) index.push_back(augmenting::nearest_index(in, out, i, flip));
  return index;
}

inline void sum_four(const std::array<const float*, 4>& row, const std::array<float, 4>& weight, std::int64_t n,
                     float* __restrict out) {
  const auto [a, b, c, d] = row;
  const auto [wa, wb, wc, wd] = weight;
  for (std::int64_t x = 0; x < n; ++x) out[x] = wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
}

inline std::array<float, 4> weights_at(const CubicAxis& axis, std::size_t i) {
  return {axis.weight[0][i], axis.weight[1][i], axis.weight[2][i], axis.weight[3][i]};
}

// Rows of a plane of the box become rows of another width. So many rows at a time are turned into columns, whose
// neighbours are summed as vectors: faster than to gather single values. tile: room for them, before and after.
constexpr std::int64_t kTileRows = 16;
constexpr Vectorized stretch_rows = [](const float* in, std::int64_t row, const Shape3& box, const CubicAxis& axis,
                                       std::int64_t width, float* __restrict tile,
                                       float* __restrict out) NNUNET_INLINED {
  const std::int64_t rows = box[1], from_width = box[2];
  float* const wide = tile + from_width * kTileRows;
  for (std::int64_t first = 0; first < rows; first += kTileRows, in += kTileRows * row, out += kTileRows * width) {
    const std::int64_t count = std::min(kTileRows, rows - first);
    for (std::int64_t h = 0; h < count; ++h) {
      for (std::int64_t x = 0; x < from_width; ++x) tile[x * kTileRows + h] = in[h * row + x];
    }
    for (std::size_t x = 0; x < at(width); ++x) {
      std::array<const float*, 4> column;
      for (std::size_t k = 0; k < 4; ++k) column[k] = tile + axis.index[k][x] * kTileRows;
      sum_four(column, weights_at(axis, x), kTileRows, wide + static_cast<std::int64_t>(x) * kTileRows);
    }
    for (std::int64_t h = 0; h < count; ++h) {
      for (std::int64_t x = 0; x < width; ++x) out[h * width + x] = wide[x * kTileRows + h];
    }
  }
};

// All rows of a plane from rows of another height.
constexpr Vectorized stretch_columns = [](const float* in, const CubicAxis& axis, std::int64_t height,
                                          std::int64_t width, float* out) NNUNET_INLINED {
  for (std::size_t h = 0; h < at(height); ++h) {
    std::array<const float*, 4> row;
    for (std::size_t k = 0; k < 4; ++k) row[k] = in + axis.index[k][h] * width;
    sum_four(row, weights_at(axis, h), width, out + static_cast<std::int64_t>(h) * width);
  }
};

constexpr Vectorized sum_planes = [](const std::array<const float*, 4>& plane, const std::array<float, 4>& weight,
                                     std::int64_t n, float* out) NNUNET_INLINED { sum_four(plane, weight, n, out); };

template <class T>
inline void reverse_row(const T* in, std::int64_t n, T* __restrict out) {
  for (std::int64_t x = 0; x < n; ++x) out[x] = in[n - 1 - x];
}

constexpr Vectorized reverse_rows = []<class T>(const T* in, std::int64_t row, std::int64_t rows, std::int64_t width,
                                                T* out) NNUNET_INLINED {
  for (std::int64_t h = 0; h < rows; ++h) reverse_row(in + h * row, width, out + h * width);
};

// A plane without zoom: rows and columns in order or reversed.
template <class T>
void copy_plane(const T* in, std::int64_t row, std::int64_t height, std::int64_t width, bool flip_rows, bool flip_width,
                T* out) {
  if (flip_rows) {
    in += (height - 1) * row;
    row = -row;
  }
  if (flip_width) return reverse_rows(in, row, height, width, out);
  for (std::int64_t h = 0; h < height; ++h) std::copy_n(in + h * row, width, out + h * width);
}

}  // namespace

CubicAxis::CubicAxis(std::int64_t in, std::int64_t out, bool flip) {
  for (std::int64_t i = 0; i < out; ++i) {
    const augmenting::CubicTaps taps = augmenting::cubic_taps(in, out, i, flip);
    for (std::size_t k = 0; k < 4; ++k) {
      index[k].push_back(taps.index[k]);
      weight[k].push_back(taps.weight[k]);
    }
  }
}

BoxReader::BoxReader(const CaseView& from, const Shape3& start, const Shape3& box, const std::array<bool, 3>& flip,
                     const Shape3& patch, AugmentScratch& scratch)
    : from_(from), start_(start), box_(box), patch_(patch), flip_(flip), scratch_(scratch) {
  if (!zoomed()) return;
  for (std::size_t axis = 0; axis < 3; ++axis) axes_[axis] = CubicAxis(box[axis], patch[axis], flip[axis]);
  scratch.tile.resize(at((box[2] + patch[2]) * kTileRows));
  scratch.rows.resize(at(box[1] * patch[2]));
  scratch.planes.resize(at(4 * patch[1] * patch[2]));
}

void BoxReader::select(std::int64_t channel) {
  view_ = view_box(from_.image + channel * volume(from_.size), from_.size, start_, box_, scratch_.box);
  held_.fill(-1);
}

void BoxReader::stretch_plane(std::int64_t depth, float* out) {
  const std::int64_t height = patch_[1], width = patch_[2];
  stretch_rows(view_.data + depth * view_.plane, view_.row, box_, axes_[2], width, scratch_.tile.data(),
               scratch_.rows.data());
  stretch_columns(scratch_.rows.data(), axes_[1], height, width, out);
}

// The four planes around any depth follow one another, so that each has a place of its own.
const float* BoxReader::stretched(std::int64_t depth) {
  const std::size_t place = at(depth) % 4;
  float* const kept = scratch_.planes.data() + static_cast<std::int64_t>(place) * patch_[1] * patch_[2];
  if (held_[place] != depth) stretch_plane(depth, kept);
  held_[place] = depth;
  return kept;
}

void BoxReader::plane(std::int64_t depth, float* out) {
  const std::int64_t same = flip_[0] ? patch_[0] - 1 - depth : depth;  // where box and patch are of one depth
  if (!zoomed()) {
    copy_plane(view_.data + same * view_.plane, view_.row, patch_[1], patch_[2], flip_[1], flip_[2], out);
  } else if (box_[0] == patch_[0]) {
    stretch_plane(same, out);
  } else {
    std::array<const float*, 4> planes;
    for (std::size_t k = 0; k < 4; ++k) planes[k] = stretched(axes_[0].index[k][at(depth)]);
    sum_planes(planes, weights_at(axes_[0], at(depth)), patch_[1] * patch_[2], out);
  }
}

void BoxReader::label(std::uint8_t* out) {
  const auto view = view_box(from_.label, from_.size, start_, box_, scratch_.label_box);
  const auto [depth, height, width] = patch_;
  if (!zoomed()) {
    for (std::int64_t d = 0; d < depth; ++d, out += height * width) {
      const std::uint8_t* const plane = view.data + (flip_[0] ? depth - 1 - d : d) * view.plane;
      copy_plane(plane, view.row, height, width, flip_[1], flip_[2], out);
    }
    return;
  }
  const auto zs = nearest_axis(box_[0], depth, flip_[0]);
  const auto ys = nearest_axis(box_[1], height, flip_[1]);
  const auto xs = nearest_axis(box_[2], width, flip_[2]);
  for (const std::int64_t z : zs) {
    for (const std::int64_t y : ys) {
      const std::uint8_t* const row = view.data + z * view.plane + y * view.row;
      for (const std::int64_t x : xs) *out++ = row[x];
    }
  }
}

}  // namespace nnunet
