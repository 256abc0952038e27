#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "nnunet/core/error.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_augmentation.h"

namespace nnunet {
namespace {

/// A patch of some size, mirrored on its way from one array to another.
struct Mirroring {
  Shape3 size{};
  std::array<bool, 3> mirrored{};
};

// body(index in the output, index in the input), row by row.
template <class Body>
NNUNET_INLINE void each_voxel(const Mirroring& m, const Body& body) {
  const auto [depth, height, width] = m.size;
  for (std::int64_t d = 0; d < depth; ++d) {
    for (std::int64_t h = 0; h < height; ++h) {
      const std::int64_t z = m.mirrored[0] ? depth - 1 - d : d, y = m.mirrored[1] ? height - 1 - h : h;
      const std::int64_t out = (d * height + h) * width, in = (z * height + y) * width;
      if (m.mirrored[2]) {
        for (std::int64_t w = 0; w < width; ++w) body(out + w, in + width - 1 - w);
      } else {
        for (std::int64_t w = 0; w < width; ++w) body(out + w, in + w);
      }
    }
  }
}

constexpr Vectorized mirror_image = [](const float* from, const Mirroring& m, float* __restrict to) NNUNET_INLINED {
  each_voxel(m, [&](std::int64_t o, std::int64_t i) NNUNET_INLINED { to[o] = from[i]; });
};

constexpr Vectorized mirror_masked = [](const float* from, const std::int16_t* label, const Mirroring& m,
                                        float* __restrict to) NNUNET_INLINED {
  each_voxel(m, [&](std::int64_t o, std::int64_t i) NNUNET_INLINED { to[o] = label[i] < 0 ? 0.0F : from[i]; });
};

constexpr Vectorized mirror_label = [](const std::int16_t* from, const Mirroring& m, std::uint8_t* __restrict to)
                                        NNUNET_INLINED {
                                          each_voxel(m, [&](std::int64_t o, std::int64_t i) NNUNET_INLINED {
                                            to[o] = static_cast<std::uint8_t>(from[i] < 0 ? 0 : from[i]);
                                          });
                                        };

constexpr Vectorized mirror_equal = [](const std::int16_t* from, const Mirroring& m, std::int16_t label,
                                       std::uint8_t* __restrict to) NNUNET_INLINED {
  each_voxel(m, [&](std::int64_t o, std::int64_t i)
                    NNUNET_INLINED { to[o] = static_cast<std::uint8_t>(from[i] == label ? 1 : 0); });
};

constexpr Vectorized largest_of = [](const std::int16_t* values, std::int64_t count) NNUNET_INLINED {
  std::int16_t largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = largest < values[i] ? values[i] : largest;
  return largest;
};

}  // namespace

void PatchLabels::check(std::span<const std::int16_t> values) const {
  const std::int16_t found = largest_of(values.data(), static_cast<std::int64_t>(values.size()));
  if (found > largest) {
    throw Error("", fmt::format("label {} is none of the dataset's", found),
                "correct the labels of dataset.json or preprocess the case again");
  }
}

void write_patch(const TrainingPatch& patch, const std::array<bool, 3>& mirrored,
                 const std::vector<std::int64_t>& masked_channels, const PatchLabels& labels, const PatchOutput& to) {
  const Shape3 size = patch.image.spatial();
  labels.check(patch.labels.slab(0));
  const std::int16_t* const label = patch.labels.data();
  const Mirroring how{size, mirrored};
  mirror_label(label, how, to.label);
  for (std::int64_t c = 0; c < patch.image.size(0); ++c) {
    const float* const from = patch.image.slab(c).data();
    float* const out = to.image + c * volume(size);
    if (std::find(masked_channels.begin(), masked_channels.end(), c) != masked_channels.end())
      mirror_masked(from, label, how, out);
    else
      mirror_image(from, how, out);
  }
}

void separate_labels(const std::int16_t* labels, const Shape3& size, const std::array<bool, 3>& mirrored,
                     const std::vector<std::int16_t>& foreground, Array<std::uint8_t>& channels) {
  channels.shape = {static_cast<std::int64_t>(foreground.size()), size[0], size[1], size[2]};
  channels.values.resize(foreground.size() * static_cast<std::size_t>(volume(size)));
  std::uint8_t* out = channels.data();
  for (const std::int16_t label : foreground) {
    mirror_equal(labels, Mirroring{size, mirrored}, label, out);
    out += volume(size);
  }
}

}  // namespace nnunet
