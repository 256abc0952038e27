#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/data/augment_math.h"
#include "nnunet/data/recipe.h"
#include "nnunet/kernels/cuda.h"
#include "noise_block.h"
#include "stages.h"

/// The augmentation of a whole batch. Zoom, flips and noise are one pass; blur, brightness and contrast are passes over
/// the few images whose recipe asks for them.
namespace nnunet::kernels::cuda {

using augmenting::CubicTaps;
using augmenting::kNoiseLanes;

/// Cuts the planes of a batch (N,C,D,H,W) into items. A thread takes four values, those of one Philox block of noise.
struct Planes {
  static constexpr int kValues = 4;
  static constexpr std::int64_t kPiece = kValues * kThreads;
  AugmentShape shape;

  /// Where a thread's values lie.
  struct Place {
    std::int64_t image, channel, depth;
    std::int64_t start;  ///< of the plane
    std::int64_t chunk;  ///< of noise, in the plane
    int lane;            ///< of the chunk
  };

  NNUNET_HOST_DEVICE std::int64_t pieces() const { return divide_up(shape.plane(), kPiece); }
  NNUNET_HOST_DEVICE std::int64_t items() const { return shape.images * shape.channels * shape.size[0] * pieces(); }
  NNUNET_HOST_DEVICE Place place(std::int64_t item, int thread) const {
    constexpr int kLanes = static_cast<int>(kNoiseLanes);
    const std::int64_t plane = item / pieces(), volume = plane / shape.size[0];
    return {volume / shape.channels,
            volume % shape.channels,
            plane % shape.size[0],
            plane * shape.plane(),
            item % pieces() * (kThreads / kLanes) + thread / kLanes,
            thread % kLanes};
  }
  /// body(row, column, index in the batch, which of the four)
  template <class Body>
  NNUNET_HOST_DEVICE void for_values(const Place& at, const Body& body) const {
    const auto width = static_cast<std::int32_t>(shape.size[2]), n = static_cast<std::int32_t>(shape.plane());
    NNUNET_UNROLL
    for (int k = 0; k < kValues; ++k) {
      const auto i = static_cast<std::int32_t>((at.chunk * kValues + k) * kNoiseLanes) + at.lane;
      if (i < n) body(i / width, i % width, at.start + i, k);
    }
  }
};

/// Tables of the zoom: an entry for each output index of each axis of each image.
struct ZoomTables {
  AugmentShape shape;
  const Recipe* recipes;
  CubicTaps* taps;

  NNUNET_HOST_DEVICE std::int64_t items() const { return divide_up(shape.images * shape.edges(), kThreads); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t entry = item * kThreads + thread;
    if (entry >= shape.images * shape.edges()) return;
    const Recipe& r = recipes[entry / shape.edges()];
    if (!r.zoomed) return;
    std::int64_t i = entry % shape.edges();
    int axis = 0;
    while (i >= shape.size[axis]) i -= shape.size[axis++];
    taps[entry] = augmenting::cubic_taps(r.box[axis], shape.size[axis], i, r.flip[axis]);
  }
};

/// Zoom, flips and noise.
struct Gather {
  Planes planes;
  const Recipe* recipes;
  const CubicTaps* taps;
  const float* from;
  float* to;

  NNUNET_HOST_DEVICE std::int64_t items() const { return planes.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const Planes::Place at = planes.place(item, thread);
    const AugmentShape& s = planes.shape;
    const Recipe& r = recipes[at.image];
    float noise[Planes::kValues] = {};
    if (r.noise_std > 0) make_noise(r, at, noise);
    const float* const volume = from + at.start - at.depth * s.plane();
    const CubicTaps* const table = taps + at.image * s.edges();
    planes.for_values(at, [&](std::int64_t h, std::int64_t w, std::int64_t i, int k) {
      to[i] = (r.zoomed ? zoomed(r, table, volume, at.depth, h, w) : flipped(r, volume, at.depth, h, w)) + noise[k];
    });
  }

  NNUNET_HOST_DEVICE void make_noise(const Recipe& r, const Planes::Place& at, float* noise) const {
    const std::int64_t depth = planes.shape.size[0];  // of an image; a sample has as many as its images together
    const std::int64_t plane = (at.channel * r.images + at.image - r.first) * depth + at.depth;
    const std::uint32_t first = augmenting::noise_counter(plane, at.chunk, planes.shape.plane());
    noise_block(r.noise, first + static_cast<std::uint32_t>(at.lane), noise);
    for (int k = 0; k < Planes::kValues; ++k) noise[k] *= r.noise_std;
  }
  NNUNET_HOST_DEVICE float flipped(const Recipe& r, const float* volume, std::int64_t d, std::int64_t h,
                                   std::int64_t w) const {
    const std::int64_t* const size = planes.shape.size;
    const std::int64_t z = r.flip[0] ? size[0] - 1 - d : d, y = r.flip[1] ? size[1] - 1 - h : h;
    return volume[(z * size[1] + y) * size[2] + (r.flip[2] ? size[2] - 1 - w : w)];
  }
  NNUNET_HOST_DEVICE static float weighted(const CubicTaps& t, const float* v) {
    return t.weight[0] * v[0] + t.weight[1] * v[1] + t.weight[2] * v[2] + t.weight[3] * v[3];
  }
  NNUNET_HOST_DEVICE float zoomed(const Recipe& r, const CubicTaps* table, const float* volume, std::int64_t d,
                                  std::int64_t h, std::int64_t w) const {
    const std::int64_t* const size = planes.shape.size;
    const CubicTaps &z = table[d], &y = table[size[0] + h], &x = table[size[0] + size[1] + w];
    float slabs[4], rows[4];
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        const std::int64_t row = (r.offset[0] + z.index[i]) * size[1] + r.offset[1] + y.index[j];
        const float* const v = volume + row * size[2] + r.offset[2];
        const float voxels[] = {v[x.index[0]], v[x.index[1]], v[x.index[2]], v[x.index[3]]};
        rows[j] = weighted(x, voxels);
      }
      slabs[i] = weighted(y, rows);
    }
    return weighted(z, slabs);
  }
};

/// The blur along one axis.
template <int kAxis>
struct BlurAxis {
  Planes planes;
  const Recipe* recipes;
  const float* from;
  float* to;

  NNUNET_HOST_DEVICE std::int64_t items() const { return planes.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const Planes::Place at = planes.place(item, thread);
    const Recipe& r = recipes[at.image];
    if (r.blur_radius == 0) return;
    const std::int64_t n = planes.shape.size[kAxis];
    const std::int64_t stride = kAxis == 2 ? 1 : kAxis == 1 ? planes.shape.size[2] : planes.shape.plane();
    planes.for_values(at, [&](std::int64_t h, std::int64_t w, std::int64_t i, int) {
      const std::int64_t place = kAxis == 2 ? w : kAxis == 1 ? h : at.depth;
      const float* const line = from + i - place * stride;
      to[i] = augmenting::filtered(r.blur_weights, r.blur_radius,
                                   [&](int k) { return line[augmenting::mirrored(place + k, n) * stride]; });
    });
  }
};

/// Extremes of values.
struct Range {
  float low, high;

  NNUNET_HOST_DEVICE static Range nothing() { return {INFINITY, -INFINITY}; }
  NNUNET_HOST_DEVICE static Range everything() { return {-INFINITY, INFINITY}; }
  NNUNET_HOST_DEVICE void add(const Range& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
};

/// Where an image lies after the blur.
struct Blurred {
  const float *image, *room;
  bool depth;  ///< a third pass ends in the other place

  NNUNET_HOST_DEVICE bool in_room(const Recipe& r) const { return depth && r.blur_radius > 0; }
  NNUNET_HOST_DEVICE const float* of(const Recipe& r) const { return in_room(r) ? room : image; }
};

/// The ranges of pieces of images, for contrast.
struct RangePieces {
  AugmentShape shape;
  const Recipe* recipes;
  Blurred from;
  Range* partial;

  NNUNET_HOST_DEVICE static std::int64_t pieces(const AugmentShape& shape) {
    return smaller<std::int64_t>(64, divide_up(shape.values(), 4 * kThreads));
  }
  NNUNET_HOST_DEVICE std::int64_t items() const { return shape.images * pieces(shape); }
  NNUNET_HOST_DEVICE int steps() const { return 1 + kJoins; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    const std::int64_t image = item / pieces(shape), piece = item % pieces(shape);
    const Recipe& r = recipes[image];
    if (r.contrast == 1) return;
    auto* const shared = static_cast<Range*>(memory);
    if (number > 0) {
      join(number - 1, thread, shared);
      if (number == kJoins && thread == 0) partial[item] = shared[0];
      return;
    }
    const float* const values = from.of(r) + image * shape.values();
    Range range = Range::nothing();
    for (std::int64_t i = piece * kThreads + thread; i < shape.values(); i += pieces(shape) * kThreads)
      range.add({values[i], values[i]});
    shared[thread] = range;
  }
};

/// For each image its sample's range.
struct RangeTotals {
  AugmentShape shape;
  const Recipe* recipes;
  const Range* partial;
  Range* total;

  NNUNET_HOST_DEVICE std::int64_t items() const { return shape.images; }
  NNUNET_HOST_DEVICE int steps() const { return 1 + kJoins; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t image, int thread, void* memory) const {
    const Recipe& r = recipes[image];
    if (r.contrast == 1) {
      if (number == 0 && thread == 0) total[image] = Range::everything();
      return;
    }
    auto* const shared = static_cast<Range*>(memory);
    if (number > 0) {
      join(number - 1, thread, shared);
      if (number == kJoins && thread == 0) total[image] = shared[0];
      return;
    }
    const std::int64_t pieces = RangePieces::pieces(shape), end = (r.first + r.images) * pieces;
    Range range = Range::nothing();
    for (std::int64_t i = r.first * pieces + thread; i < end; i += kThreads) range.add(partial[i]);
    shared[thread] = range;
  }
};

/// Brightness and contrast.
struct Intensity {
  Planes planes;
  const Recipe* recipes;
  const Range* ranges;
  Blurred from;
  float* to;

  NNUNET_HOST_DEVICE std::int64_t items() const { return planes.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const Planes::Place at = planes.place(item, thread);
    const Recipe& r = recipes[at.image];
    if (r.brightness == 1 && r.contrast == 1 && !from.in_room(r)) return;
    const float* const values = from.of(r);
    const float low = ranges[at.image].low * r.brightness, high = ranges[at.image].high * r.brightness;
    planes.for_values(at, [&](std::int64_t, std::int64_t, std::int64_t i, int) {
      to[i] = augmenting::stretched(values[i], r.brightness, r.contrast, low, high);
    });
  }
};

/// Zoom and flips of the label (N,D,H,W).
struct GatherLabel {
  Planes planes;  ///< of one channel
  const Recipe* recipes;
  const std::uint8_t* from;
  std::uint8_t* to;

  NNUNET_HOST_DEVICE std::int64_t items() const { return planes.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const Planes::Place at = planes.place(item, thread);
    const Recipe& r = recipes[at.image];
    const std::int64_t* const size = planes.shape.size;
    const std::uint8_t* const volume = from + at.start - at.depth * planes.shape.plane();
    const auto nearest = [&](int axis, std::int64_t i) {
      return r.offset[axis] + augmenting::nearest_index(r.box[axis], size[axis], i, r.flip[axis]);
    };
    const std::int64_t slab = nearest(0, at.depth) * size[1];
    planes.for_values(at, [&](std::int64_t h, std::int64_t w, std::int64_t i, int) {
      to[i] = volume[(slab + nearest(1, h)) * size[2] + nearest(2, w)];
    });
  }
};

/// The parts of a workspace.
struct AugmentRoom {
  std::int64_t taps, partial, total;  ///< bytes

  explicit AugmentRoom(const AugmentShape& s)
      : taps(s.images * s.edges() * static_cast<std::int64_t>(sizeof(CubicTaps))),
        partial(s.images * RangePieces::pieces(s) * static_cast<std::int64_t>(sizeof(Range))),
        total(s.images * static_cast<std::int64_t>(sizeof(Range))) {}
  std::int64_t bytes() const { return taps + partial + total; }
};

/// run(stages...) for the image, then for the label.
template <class Run>
void run_augment_stages(const AugmentShape& shape, const AugmentBatch& b, void* workspace, const Run& run) {
  const AugmentRoom room(shape);
  auto* const bytes = static_cast<std::byte*>(workspace);
  auto* const taps = reinterpret_cast<CubicTaps*>(bytes);
  auto* const partial = reinterpret_cast<Range*>(bytes + room.taps);
  auto* const total = reinterpret_cast<Range*>(bytes + room.taps + room.partial);
  const Planes planes{shape};
  // The blur goes back and forth between the two places of the image. A single image has no depth to blur.
  AugmentShape deep = shape;
  if (shape.size[0] == 1) deep.images = 0;
  const Blurred blurred{b.to_image, b.image, shape.size[0] > 1};
  run(ZoomTables{shape, b.recipes, taps}, Gather{planes, b.recipes, taps, b.image, b.to_image},
      BlurAxis<2>{planes, b.recipes, b.to_image, b.image}, BlurAxis<1>{planes, b.recipes, b.image, b.to_image},
      BlurAxis<0>{{deep}, b.recipes, b.to_image, b.image}, RangePieces{shape, b.recipes, blurred, partial},
      RangeTotals{shape, b.recipes, partial, total}, Intensity{planes, b.recipes, total, blurred, b.to_image});
  AugmentShape single = shape;
  single.channels = 1;
  run(GatherLabel{{single}, b.recipes, b.label, b.to_label});
}

}  // namespace nnunet::kernels::cuda
