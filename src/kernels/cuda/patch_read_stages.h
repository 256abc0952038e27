#pragma once
#include "nnunet/data/patch_math.h"
#include "patch_room.h"

/// The first and the last stages of nnU-Net v2's patches: from the crops to turned patches, and mirrored into the
/// batch.
namespace nnunet::kernels::cuda {

/// The neighbours of a place in a crop along one axis. One that is not in the crop counts nothing and has the index of
/// one that is.
struct AxisNeighbours {
  std::int64_t index[2];
  float weight[2];
  float fraction;
  bool readable[2];
  bool second_nearer;

  NNUNET_HOST_DEVICE AxisNeighbours(std::int32_t below, float distance, std::int32_t low, std::int32_t size,
                                    std::int64_t stride)
      : fraction(distance), second_nearer(augmenting::nearer_above(distance, below)) {
    for (int k = 0; k < 2; ++k) {
      const std::int32_t i = below - low + k;
      readable[k] = i >= 0 && i < size;
      index[k] = (i < 0 ? 0 : i < size ? i : size - 1) * stride;
      weight[k] = readable[k] ? (k == 1 ? distance : 1 - distance) : 0.0F;
    }
  }
};

/// A place of a transformed patch in its crop.
struct CropPlace {
  AxisNeighbours z, y, x;
  int corners;  ///< 4 in a plane, where there is no neighbour along the depth, else 8

  NNUNET_HOST_DEVICE std::int64_t index(int corner) const {
    return z.index[corner >> 2] + y.index[corner >> 1 & 1] + x.index[corner & 1];
  }
  NNUNET_HOST_DEVICE bool readable(int corner) const {
    return z.readable[corner >> 2] && y.readable[corner >> 1 & 1] && x.readable[corner & 1];
  }
  NNUNET_HOST_DEVICE int nearest() const {
    return (z.second_nearer ? 4 : 0) + (y.second_nearer ? 2 : 0) + (x.second_nearer ? 1 : 0);
  }
  NNUNET_HOST_DEVICE float interpolated(const float* from) const {
    float sum = 0;
    for (int pair = 0; pair < corners / 2; ++pair) {
      const float* const row = from + z.index[pair >> 1] + y.index[pair & 1];
      sum += z.weight[pair >> 1] * y.weight[pair & 1] * (x.weight[0] * row[x.index[0]] + x.weight[1] * row[x.index[1]]);
    }
    return sum;
  }
  template <class T>
  NNUNET_HOST_DEVICE T nearest_value(const T* from, T outside) const {
    return readable(nearest()) ? from[index(nearest())] : outside;
  }
  /// PatchInterpolation::linear of labels.
  NNUNET_HOST_DEVICE std::int16_t elected(const std::int16_t* from) const {
    std::int16_t label[8];
    bool differs = false;
    for (int corner = 0; corner < corners; ++corner) {
      label[corner] = readable(corner) ? from[index(corner)] : std::int16_t{-1};
      differs = differs || label[corner] != label[0];
    }
    return differs ? vote(label) : label[0];
  }

 private:
  NNUNET_HOST_DEVICE std::int16_t vote(const std::int16_t* label) const {
    float weight[8];
    for (int corner = 0; corner < corners; ++corner)
      weight[corner] = augmenting::vote_weight((corner & 1) != 0 ? x.fraction : 1 - x.fraction,
                                               (corner & 2) != 0 ? y.fraction : 1 - y.fraction,
                                               (corner & 4) != 0 ? z.fraction : 1 - z.fraction);
    std::int32_t best = -1, nearests = -1;
    std::int16_t winner = 0;
    for (int corner = 0; corner < corners; ++corner) {
      float score = 0;
      for (int other = 0; other < corners; ++other) score += label[other] == label[corner] ? weight[other] : 0.0F;
      const std::int32_t rank = augmenting::half_rank(score);
      if (rank > best || (rank == best && label[corner] < winner)) winner = label[corner];
      best = larger(rank, best);
      if (corner == nearest()) nearests = rank;
    }
    return nearests == best ? label[nearest()] : winner;
  }
};

/// Crops, rotations, scaling and turns.
struct ReadPatches {
  PatchRoom room;
  Voxels voxels;  ///< of the labels

  NNUNET_HOST_DEVICE std::int64_t items() const { return voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t patch = voxels.volume(item);
    const PatchRecipe& r = room.batch.recipes[patch];
    voxels.for_values(item, thread, [&](std::int32_t i, int) {
      const Voxels::Place at = before_the_turn(r, voxels.place(i));
      if (r.size[0] == 0 || r.size[1] == 0 || r.size[2] == 0)
        put_outside(patch, i);
      else if (r.transformed)
        put_transformed(r, place_in_crop(r, at), patch, i);
      else
        put_copy(r, at, patch, i);
    });
  }

 private:
  NNUNET_HOST_DEVICE static std::int64_t crop_voxels(const PatchRecipe& r) {
    return static_cast<std::int64_t>(r.size[0]) * r.size[1] * r.size[2];
  }
  NNUNET_HOST_DEVICE const float* crop(const PatchRecipe& r, std::int64_t channel) const {
    return reinterpret_cast<const float*>(room.batch.crops + r.image) + channel * crop_voxels(r);
  }
  NNUNET_HOST_DEVICE const std::int16_t* crop_labels(const PatchRecipe& r) const {
    return reinterpret_cast<const std::int16_t*>(room.batch.crops + r.labels);
  }
  /// Axes that change places are of one size.
  NNUNET_HOST_DEVICE Voxels::Place before_the_turn(const PatchRecipe& r, const Voxels::Place& to) const {
    const std::int32_t turned[3] = {to.d, to.h, to.w};
    std::int32_t at[3] = {};
    for (int axis = 0; axis < 3; ++axis) {
      const auto last = static_cast<std::int32_t>(room.shape.size[axis]) - 1;
      at[r.from[axis]] = r.flipped[axis] ? last - turned[axis] : turned[axis];
    }
    return {at[0], at[1], at[2]};
  }
  NNUNET_HOST_DEVICE CropPlace place_in_crop(const PatchRecipe& r, const Voxels::Place& at) const {
    const std::int64_t* const size = room.shape.size;
    const float z = augmenting::centred(at.d, size[0]), y = augmenting::centred(at.h, size[1]);
    const float x = augmenting::centred(0, size[2]) + static_cast<float>(at.w);
    std::int32_t below[3] = {at.d, 0, 0};
    float distance[3] = {};
    for (int axis = r.planes ? 1 : 0; axis < 3; ++axis) {
      const float* const m = r.matrix[axis];
      const float along_y = augmenting::rounded_product(y, m[1]);
      const float before = r.planes ? along_y : augmenting::rounded_product(z, m[0]) + along_y;
      const float place = augmenting::place_on_axis(before, m[2], x, r.initial[axis] / 2.0F, r.initial[axis]);
      below[axis] = augmenting::voxel_below(place);
      distance[axis] = place - static_cast<float>(below[axis]);
    }
    const std::int64_t row = r.size[2], plane = row * r.size[1];
    return {{below[0], distance[0], r.low[0], r.size[0], plane},
            {below[1], distance[1], r.low[1], r.size[1], row},
            {below[2], distance[2], r.low[2], r.size[2], 1},
            r.planes ? 4 : 8};
  }
  NNUNET_HOST_DEVICE float* image(std::int64_t patch, std::int64_t channel) const {
    return room.channel(patch * room.shape.channels + channel, 0);
  }
  NNUNET_HOST_DEVICE std::int16_t* labels(std::int64_t patch) const {
    return room.labels + patch * room.shape.voxels();
  }

  NNUNET_HOST_DEVICE void put_outside(std::int64_t patch, std::int32_t i) const {
    for (std::int64_t c = 0; c < room.shape.channels; ++c) image(patch, c)[i] = 0;
    labels(patch)[i] = -1;
  }
  NNUNET_HOST_DEVICE void put_transformed(const PatchRecipe& r, const CropPlace& at, std::int64_t patch,
                                          std::int32_t i) const {
    for (std::int64_t c = 0; c < room.shape.channels; ++c) {
      const float* const from = crop(r, c);
      image(patch, c)[i] = r.nearest_image ? at.nearest_value(from, 0.0F) : at.interpolated(from);
    }
    const std::int16_t* const from = crop_labels(r);
    labels(patch)[i] = r.nearest_labels ? at.nearest_value(from, std::int16_t{-1}) : at.elected(from);
  }
  NNUNET_HOST_DEVICE void put_copy(const PatchRecipe& r, const Voxels::Place& at, std::int64_t patch,
                                   std::int32_t i) const {
    const std::int32_t z = at.d + r.offset[0] - r.low[0], y = at.h + r.offset[1] - r.low[1];
    const std::int32_t x = at.w + r.offset[2] - r.low[2];
    if (z < 0 || z >= r.size[0] || y < 0 || y >= r.size[1] || x < 0 || x >= r.size[2]) return put_outside(patch, i);
    const std::int64_t index = (static_cast<std::int64_t>(z) * r.size[1] + y) * r.size[2] + x;
    for (std::int64_t c = 0; c < room.shape.channels; ++c) image(patch, c)[i] = crop(r, c)[index];
    labels(patch)[i] = crop_labels(r)[index];
  }
};

/// Where a voxel of the batch comes from in the patch that is not mirrored yet.
NNUNET_HOST_DEVICE inline std::int32_t unmirrored(const Voxels& voxels, const PatchShape& shape, const PatchRecipe& r,
                                                  std::int32_t i) {
  Voxels::Place at = voxels.place(i);
  if (r.mirrored[0]) at.d = static_cast<std::int32_t>(shape.size[0]) - 1 - at.d;
  if (r.mirrored[1]) at.h = voxels.height - 1 - at.h;
  if (r.mirrored[2]) at.w = voxels.width - 1 - at.w;
  return voxels.index(at);
}

/// Channels into the batch: mirrored, 0 where they are masked.
struct PutImage {
  PatchRoom room;
  Voxels voxels;

  NNUNET_HOST_DEVICE std::int64_t items() const { return voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t volume = voxels.volume(item), patch = volume / room.shape.channels;
    const ChannelStep& last = room.step(volume, room.shape.entries);
    const float* const from = room.channel(volume, last.side);
    const std::int16_t* const labels = room.labels + patch * room.shape.voxels();
    float* const to = room.batch.image + volume * room.shape.voxels();
    voxels.for_values(item, thread, [&](std::int32_t i, int) {
      const std::int32_t at = unmirrored(voxels, room.shape, room.batch.recipes[patch], i);
      to[i] = last.masked && labels[at] < 0 ? 0.0F : from[at];
    });
  }
};

/// Labels into the batch; -1 becomes 0.
struct PutLabels {
  PatchRoom room;
  Voxels voxels;

  NNUNET_HOST_DEVICE std::int64_t items() const { return voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t patch = voxels.volume(item), start = patch * room.shape.voxels();
    voxels.for_values(item, thread, [&](std::int32_t i, int) {
      const std::int16_t label = room.labels[start + unmirrored(voxels, room.shape, room.batch.recipes[patch], i)];
      room.batch.label[start + i] = static_cast<std::uint8_t>(label < 0 ? 0 : label);
    });
  }
};

}  // namespace nnunet::kernels::cuda
