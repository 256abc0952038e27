#include "nnunet/preprocess/pad.h"

#include "nnunet/preprocess/crop.h"

namespace nnunet {

namespace {

// The window that one axis is copied into.
struct AxisWindow {
  std::int64_t offset, size;
};

AxisWindow pad_axis(std::int64_t size, std::int64_t patch) {
  return size >= patch ? AxisWindow{0, size} : AxisWindow{-((patch - size) / 2), patch};
}

AxisWindow fit_axis(std::int64_t size, std::int64_t patch) {
  return size > patch ? AxisWindow{(size - patch) / 2, patch} : pad_axis(size, patch);
}

// 3x3 filter of one slice by a function of three neighbours, applied along rows, then columns; beyond the border the
// slice is mirrored, which for a minimum or maximum means that the neighbour is left out.
template <class F>
void filter_slice(std::uint8_t* slice, std::int64_t height, std::int64_t width, std::vector<std::uint8_t>& rows,
                  const F& f) {
  rows.resize(static_cast<std::size_t>(height * width));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::uint8_t* in = slice + y * width;
    std::uint8_t* out = rows.data() + y * width;
    for (std::int64_t x = 0; x < width; ++x) out[x] = f(f(in[x > 0 ? x - 1 : x], in[x]), in[x + 1 < width ? x + 1 : x]);
  }
  for (std::int64_t y = 0; y < height; ++y) {
    const std::uint8_t* above = rows.data() + (y > 0 ? y - 1 : y) * width;
    const std::uint8_t* here = rows.data() + y * width;
    const std::uint8_t* below = rows.data() + (y + 1 < height ? y + 1 : y) * width;
    for (std::int64_t x = 0; x < width; ++x) slice[y * width + x] = f(f(above[x], here[x]), below[x]);
  }
}

}  // namespace

void fit_to_patch(PreprocessedCase& item, const std::vector<std::int64_t>& patch) {
  const Shape3 from = item.x.spatial();
  Shape3 offset{}, to = from;
  const std::size_t first = 3 - patch.size();
  for (std::size_t a = first; a < 3; ++a) {
    const std::int64_t wanted = patch[a - first];
    const AxisWindow window = patch.size() == 2 ? fit_axis(from[a], wanted) : pad_axis(from[a], wanted);
    offset[a] = window.offset;
    to[a] = window.size;
  }
  if (to == from) return;
  Array<float> x({item.x.size(0), to[0], to[1], to[2]});
  for (std::int64_t c = 0; c < x.size(0); ++c)
    copy_window<float>(std::as_const(item.x).slab(c), from, offset, x.slab(c), to);
  item.x = std::move(x);
  if (!item.y) return;
  Array<std::uint8_t> y({to[0], to[1], to[2]});
  copy_window<std::uint8_t>(item.y->values, from, offset, y.values, to);
  item.y = std::move(y);
}

void close_label(Array<std::uint8_t>& label) {
  const Shape3 shape = label.spatial();
  std::vector<std::uint8_t> rows;
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    std::uint8_t* slice = label.data() + z * shape[1] * shape[2];
    filter_slice(slice, shape[1], shape[2], rows, [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
    filter_slice(slice, shape[1], shape[2], rows, [](std::uint8_t a, std::uint8_t b) { return std::min(a, b); });
  }
}

}  // namespace nnunet
