#pragma once
#include <cstdint>

#include "nnunet/core/array.h"
#include "nnunet/io/image_file.h"

namespace nnunet::test {

/// Speckles: label 1 + (something below labels) with this probability, else 0.
inline Array<std::uint16_t> speckles(const Shape3& shape, int labels, double density, std::uint32_t seed) {
  Array<std::uint16_t> map({shape[0], shape[1], shape[2]});
  std::uint32_t x = seed;
  const auto next = [&x] { return (x = x * 1664525U + 1013904223U) >> 8U; };
  for (std::uint16_t& voxel : map.values) {
    const bool set = next() < density * 16777216.0;
    voxel = set ? static_cast<std::uint16_t>(1 + next() % static_cast<std::uint32_t>(labels)) : std::uint16_t{0};
  }
  return map;
}

inline WideLabelMap labelled(Array<std::uint16_t> voxels) {
  WideLabelMap volume{std::move(voxels), {}};
  volume.geometry.shape = volume.voxels.spatial();
  volume.geometry.spacing = {2, 1, 1};
  volume.geometry.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 1}}};
  return volume;
}

}  // namespace nnunet::test
