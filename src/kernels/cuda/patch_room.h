#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "nnunet/data/augment_math.h"
#include "nnunet/kernels/cuda.h"
#include "stages.h"

/// What all stages that make nnU-Net v2's patches work on.
namespace nnunet::kernels::cuda {

/// Cuts volumes of a batch (a patch's channels, or its labels) into items. A thread takes four values, those of one
/// Philox block of noise.
struct Voxels {
  static constexpr int kValues = 4;
  static constexpr std::int64_t kPiece = kValues * kThreads;
  std::int64_t volumes = 0, voxels = 0;
  std::int32_t height = 1, width = 1;

  /// Where a voxel lies.
  struct Place {
    std::int32_t d, h, w;
  };

  NNUNET_HOST_DEVICE std::int64_t pieces() const { return divide_up(voxels, kPiece); }
  NNUNET_HOST_DEVICE std::int64_t items() const { return volumes * pieces(); }
  NNUNET_HOST_DEVICE std::int64_t volume(std::int64_t item) const { return item / pieces(); }
  /// The thread's chunk of noise in the volume, and its lane in that.
  NNUNET_HOST_DEVICE std::int64_t chunk(std::int64_t item, int thread) const {
    return item % pieces() * (kThreads / static_cast<int>(augmenting::kNoiseLanes)) +
           thread / static_cast<int>(augmenting::kNoiseLanes);
  }
  NNUNET_HOST_DEVICE static int lane(int thread) { return thread % static_cast<int>(augmenting::kNoiseLanes); }
  /// body(voxel, which of the four)
  template <class Body>
  NNUNET_HOST_DEVICE void for_values(std::int64_t item, int thread, const Body& body) const {
    const std::int64_t first = chunk(item, thread) * augmenting::kNoiseChunk + lane(thread);
    NNUNET_UNROLL
    for (int k = 0; k < kValues; ++k) {
      const std::int64_t i = first + k * augmenting::kNoiseLanes;
      if (i < voxels) body(static_cast<std::int32_t>(i), k);
    }
  }
  NNUNET_HOST_DEVICE Place place(std::int32_t i) const {
    const std::int32_t row = i / width;
    return {row / height, row % height, i % width};
  }
  NNUNET_HOST_DEVICE std::int32_t index(const Place& at) const { return (at.d * height + at.h) * width + at.w; }
};

/// Range and sums of values, from which mean and deviation follow.
struct MomentSums {
  float least, most;
  double sum, squares;  ///< of the differences from some value

  NNUNET_HOST_DEVICE static MomentSums nothing() { return {INFINITY, -INFINITY, 0, 0}; }
  NNUNET_HOST_DEVICE void see(float value, double from) {
    least = value < least ? value : least;
    most = value > most ? value : most;
    const double difference = static_cast<double>(value) - from;
    sum += difference;
    squares += difference * difference;
  }
  NNUNET_HOST_DEVICE void add(const MomentSums& other) {
    least = other.least < least ? other.least : least;
    most = other.most > most ? other.most : most;
    sum += other.sum;
    squares += other.squares;
  }
};
struct ChannelMoments {
  float least, most;
  double mean, deviation;  ///< with the divisor n - 1
};

/// The batch and the places that it goes through. A channel lies in one of two places (ChannelStep::side).
struct PatchRoom {
  PatchShape shape;
  PatchBatch batch;
  MomentSums* partial;              ///< (volumes, moment_pieces)
  ChannelMoments *before, *powers;  ///< (volumes): of values, and of gamma's powers of them
  float* sides[2];                  ///< (N,C,D,H,W) each
  std::int16_t* labels;             ///< (N,D,H,W), turned, not mirrored

  PatchRoom(const PatchShape& s, const PatchBatch& b, void* workspace) : shape(s), batch(b) {
    auto* at = static_cast<std::byte*>(workspace);
    const auto take = [&](auto*& to, std::int64_t count) {
      to = reinterpret_cast<std::remove_reference_t<decltype(to)>>(at);
      at += count * static_cast<std::int64_t>(sizeof(*to));
    };
    take(partial, s.volumes() * moment_pieces(s));
    take(before, s.volumes());
    take(powers, s.volumes());
    for (float*& side : sides) take(side, s.volumes() * s.voxels());
    take(labels, s.patches * s.voxels());
  }
  static std::int64_t bytes(const PatchShape& s) {
    const std::int64_t a_volume = moment_pieces(s) * static_cast<std::int64_t>(sizeof(MomentSums)) +
                                  2 * static_cast<std::int64_t>(sizeof(ChannelMoments)) +
                                  2 * s.voxels() * static_cast<std::int64_t>(sizeof(float));
    return s.volumes() * a_volume + s.patches * s.voxels() * static_cast<std::int64_t>(sizeof(std::int16_t));
  }
  /// Blocks that look at one channel.
  NNUNET_HOST_DEVICE static std::int64_t moment_pieces(const PatchShape& s) {
    return smaller<std::int64_t>(64, divide_up(s.voxels(), 4 * kThreads));
  }

  Voxels image_voxels() const { return voxels_of(shape.volumes()); }
  Voxels label_voxels() const { return voxels_of(shape.patches); }

  NNUNET_HOST_DEVICE const ChannelStep& step(std::int64_t volume, std::int64_t entry) const {
    return batch.steps[volume * (shape.entries + 1) + entry];
  }
  NNUNET_HOST_DEVICE float* channel(std::int64_t volume, std::int32_t side) const {
    return sides[side] + volume * shape.voxels();
  }
  template <class T>
  NNUNET_HOST_DEVICE const T* table(const ChannelStep& s) const {
    return reinterpret_cast<const T*>(batch.tables + s.table);
  }

 private:
  Voxels voxels_of(std::int64_t volumes) const {
    return {volumes, shape.voxels(), static_cast<std::int32_t>(shape.size[1]),
            static_cast<std::int32_t>(shape.size[2])};
  }
};

}  // namespace nnunet::kernels::cuda
