#include <algorithm>
#include <cmath>
#include <optional>

#include "nnunet/data/augment.h"

namespace nnunet {
namespace {

// One channel as it is read: where voxel (d,h,w) of the box lies.
template <class T>
struct BoxView {
  const T* data;
  std::int64_t plane, row;  // strides
};

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
  copy.assign(static_cast<std::size_t>(nnunet::volume(box)), T{0});
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

// For each output index of one axis: the four samples around it and their weights.
struct CubicAxis {
  std::vector<std::array<std::int64_t, 4>> index;
  std::vector<std::array<float, 4>> weight;
};

double keys_kernel(double x) {
  x = std::abs(x);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

CubicAxis cubic_axis(std::int64_t in, std::int64_t out, bool flip) {
  CubicAxis axis;
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t j = flip ? out - 1 - i : i;
    const double position = (static_cast<double>(j) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    const auto left = static_cast<std::int64_t>(std::floor(position));
    auto& index = axis.index.emplace_back();
    auto& weight = axis.weight.emplace_back();
    for (std::int64_t k = 0; k < 4; ++k) {
      const std::int64_t sample = left - 1 + k;
      index[static_cast<std::size_t>(k)] = std::clamp<std::int64_t>(sample, 0, in - 1);
      weight[static_cast<std::size_t>(k)] = static_cast<float>(keys_kernel(position - static_cast<double>(sample)));
    }
  }
  return axis;
}

std::vector<std::int64_t> nearest_axis(std::int64_t in, std::int64_t out, bool flip) {
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t j = flip ? out - 1 - i : i;
    index.push_back((2 * j + 1) * in / (2 * out));  // floor((j + 1/2) in / out)
  }
  return index;
}

void sum_four(const float* base, std::int64_t stride, const std::array<std::int64_t, 4>& index,
              const std::array<float, 4>& weight, float* __restrict out, std::int64_t n) {
  const float* const r0 = base + index[0] * stride;
  const float* const r1 = base + index[1] * stride;
  const float* const r2 = base + index[2] * stride;
  const float* const r3 = base + index[3] * stride;
  const auto [w0, w1, w2, w3] = weight;
  for (std::int64_t x = 0; x < n; ++x) out[x] = w0 * r0[x] + w1 * r1[x] + w2 * r2[x] + w3 * r3[x];
}

void gather_row(const float* in, const CubicAxis& axis, float* __restrict out) {
  for (std::size_t x = 0; x < axis.index.size(); ++x) {
    const auto& i = axis.index[x];
    const auto& w = axis.weight[x];
    out[x] = w[0] * in[i[0]] + w[1] * in[i[1]] + w[2] * in[i[2]] + w[3] * in[i[3]];
  }
}

// Separable: width of the box's rows first (fewest values), then height, then depth unless box and patch agree in it.
class CubicZoom {
 public:
  CubicZoom(const Shape3& box, const Shape3& patch, const std::array<bool, 3>& flip)
      : box_(box), patch_(patch), flip_depth_(flip[0]) {
    for (std::size_t axis = 0; axis < 3; ++axis) axes_[axis] = cubic_axis(box[axis], patch[axis], flip[axis]);
  }

  void run(const BoxView<float>& from, const PatchView& to, std::int64_t channel, AugmentScratch& scratch) const {
    const std::int64_t height = patch_[1], width = patch_[2], plane = height * width;
    scratch.rows.resize(static_cast<std::size_t>(box_[1] * width));
    const bool deep = box_[0] != patch_[0];
    if (deep) scratch.planes.resize(static_cast<std::size_t>(box_[0] * plane));
    for (std::int64_t d = 0; d < box_[0]; ++d) {
      for (std::int64_t h = 0; h < box_[1]; ++h) {
        gather_row(from.data + d * from.plane + h * from.row, axes_[2], scratch.rows.data() + h * width);
      }
      float* const out =
          deep ? scratch.planes.data() + d * plane : to.plane(channel, flip_depth_ ? box_[0] - 1 - d : d);
      for (std::int64_t h = 0; h < height; ++h) {
        const auto i = static_cast<std::size_t>(h);
        sum_four(scratch.rows.data(), width, axes_[1].index[i], axes_[1].weight[i], out + h * width, width);
      }
    }
    if (!deep) return;
    for (std::int64_t d = 0; d < patch_[0]; ++d) {
      const auto i = static_cast<std::size_t>(d);
      sum_four(scratch.planes.data(), plane, axes_[0].index[i], axes_[0].weight[i], to.plane(channel, d), plane);
    }
  }

 private:
  Shape3 box_, patch_;
  bool flip_depth_;
  std::array<CubicAxis, 3> axes_;
};

void copy_flipped(const BoxView<float>& from, const std::array<bool, 3>& flip, const PatchView& to,
                  std::int64_t channel) {
  const auto [depth, height, width] = to.size;
  for (std::int64_t d = 0; d < depth; ++d) {
    float* const plane = to.plane(channel, d);
    for (std::int64_t h = 0; h < height; ++h) {
      const std::int64_t z = flip[0] ? depth - 1 - d : d, y = flip[1] ? height - 1 - h : h;
      const float* const row = from.data + z * from.plane + y * from.row;
      if (flip[2]) {
        std::reverse_copy(row, row + width, plane + h * width);
      } else {
        std::copy_n(row, width, plane + h * width);
      }
    }
  }
}

void zoom_label(const BoxView<std::uint8_t>& from, const Shape3& box, const std::array<bool, 3>& flip,
                const PatchView& to) {
  const auto zs = nearest_axis(box[0], to.size[0], flip[0]);
  const auto ys = nearest_axis(box[1], to.size[1], flip[1]);
  const auto xs = nearest_axis(box[2], to.size[2], flip[2]);
  const bool plain = box[2] == to.size[2] && !flip[2];
  std::uint8_t* out = to.label;
  for (const std::int64_t z : zs) {
    for (const std::int64_t y : ys) {
      const std::uint8_t* const row = from.data + z * from.plane + y * from.row;
      if (plain) {
        out = std::copy_n(row, to.size[2], out);
      } else {
        for (const std::int64_t x : xs) *out++ = row[x];
      }
    }
  }
}

}  // namespace

ZoomBox zoom_box(const Shape3& patch, float zoom, Axes axes) {
  ZoomBox box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const bool zoomed = axis > 0 || axes == Axes::Volume;
    const auto size = zoomed ? static_cast<std::int64_t>(static_cast<float>(patch[axis]) * zoom) : patch[axis];
    box.size[axis] = std::clamp<std::int64_t>(size, 1, patch[axis]);
    box.offset[axis] = (patch[axis] - box.size[axis] + 1) / 2;  // half a voxel is rounded up
  }
  return box;
}

void read_box(const CaseView& from, const Shape3& start, const Shape3& box, const std::array<bool, 3>& flip,
              const PatchView& to, AugmentScratch& scratch) {
  const std::int64_t voxels = volume(from.size);
  std::optional<CubicZoom> zoom;
  if (box != to.size) zoom.emplace(box, to.size, flip);
  for (std::int64_t c = 0; c < to.channels; ++c) {
    const auto view = view_box(from.image + c * voxels, from.size, start, box, scratch.box);
    if (zoom) {
      zoom->run(view, to, c, scratch);
    } else {
      copy_flipped(view, flip, to, c);
    }
  }
  zoom_label(view_box(from.label, from.size, start, box, scratch.label_box), box, flip, to);
}

}  // namespace nnunet
