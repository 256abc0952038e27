#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "nnunet/core/error.h"
#include "nnunet/core/simd.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_augmentation.h"

namespace nnunet {
namespace {

// Rows in order or reversed: body(index of the output, index of the input).
template <class Body>
NNUNET_INLINE void each_voxel(std::int64_t width, bool reversed, const Body& body) {
  if (reversed) {
    for (std::int64_t w = 0; w < width; ++w) body(w, width - 1 - w);
  } else {
    for (std::int64_t w = 0; w < width; ++w) body(w, w);
  }
}

constexpr Vectorized copy_row = [](const float* from, std::int64_t width, bool reversed,
                                   float* __restrict to) NNUNET_INLINED {
  each_voxel(width, reversed, [&](std::int64_t w, std::int64_t v) NNUNET_INLINED { to[w] = from[v]; });
};

constexpr Vectorized copy_masked_row = [](const float* from, const std::int16_t* label, std::int64_t width,
                                          bool reversed, float* __restrict to) NNUNET_INLINED {
  each_voxel(width, reversed,
             [&](std::int64_t w, std::int64_t v) NNUNET_INLINED { to[w] = label[v] < 0 ? 0.0F : from[v]; });
};

// Returns the row's largest label.
constexpr Vectorized label_row = [](const std::int16_t* from, std::int64_t width, bool reversed,
                                    std::uint8_t* __restrict to) NNUNET_INLINED {
  std::int16_t largest = 0;
  for (std::int64_t v = 0; v < width; ++v) largest = std::max(largest, from[v]);
  each_voxel(width, reversed, [&](std::int64_t w, std::int64_t v) NNUNET_INLINED {
    to[w] = static_cast<std::uint8_t>(from[v] < 0 ? 0 : from[v]);
  });
  return largest;
};

constexpr Vectorized equal_row = [](const std::int16_t* from, std::int64_t width, bool reversed, std::int16_t label,
                                    std::uint8_t* __restrict to) NNUNET_INLINED {
  each_voxel(width, reversed, [&](std::int64_t w, std::int64_t v) NNUNET_INLINED {
    to[w] = static_cast<std::uint8_t>(from[v] == label ? 1 : 0);
  });
};

// body(first voxel of an output row, first voxel of the row that it mirrors).
template <class Body>
void each_row(const Shape3& size, const std::array<bool, 3>& mirrored, const Body& body) {
  const auto [depth, height, width] = size;
  for (std::int64_t d = 0; d < depth; ++d) {
    for (std::int64_t h = 0; h < height; ++h) {
      const std::int64_t z = mirrored[0] ? depth - 1 - d : d, y = mirrored[1] ? height - 1 - h : h;
      body((d * height + h) * width, (z * height + y) * width);
    }
  }
}

}  // namespace

void write_patch(const TrainingPatch& patch, const std::array<bool, 3>& mirrored,
                 const std::vector<std::int64_t>& masked_channels, const PatchLabels& labels, const PatchOutput& to) {
  const Shape3 size = patch.image.spatial();
  const std::int64_t width = size[2];
  const std::int16_t* const label = patch.labels.data();
  std::int16_t largest = 0;
  each_row(size, mirrored, [&](std::int64_t out, std::int64_t in) {
    largest = std::max(largest, label_row(label + in, width, mirrored[2], to.label + out));
  });
  if (largest > labels.largest) {
    throw Error("", fmt::format("label {} is none of the dataset's", largest),
                "correct the labels of dataset.json or preprocess the case again");
  }
  for (std::int64_t c = 0; c < patch.image.size(0); ++c) {
    const float* const from = patch.image.slab(c).data();
    float* const out = to.image + c * volume(size);
    const bool masked = std::find(masked_channels.begin(), masked_channels.end(), c) != masked_channels.end();
    each_row(size, mirrored, [&](std::int64_t o, std::int64_t i) {
      if (masked)
        copy_masked_row(from + i, label + i, width, mirrored[2], out + o);
      else
        copy_row(from + i, width, mirrored[2], out + o);
    });
  }
}

void separate_labels(const std::int16_t* labels, const Shape3& size, const std::array<bool, 3>& mirrored,
                     const std::vector<std::int16_t>& foreground, Array<std::uint8_t>& channels) {
  channels.shape = {static_cast<std::int64_t>(foreground.size()), size[0], size[1], size[2]};
  channels.values.resize(foreground.size() * static_cast<std::size_t>(volume(size)));
  std::uint8_t* out = channels.data();
  for (const std::int16_t label : foreground) {
    each_row(size, mirrored,
             [&](std::int64_t o, std::int64_t i) { equal_row(labels + i, size[2], mirrored[2], label, out + o); });
    out += volume(size);
  }
}

}  // namespace nnunet
