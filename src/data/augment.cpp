#include "nnunet/data/augment.h"

#include <algorithm>
#include <optional>

#include "box_reader.h"
#include "operators.h"

namespace nnunet {

Augmentation draw_augmentation(CounterRng& rng, Axes axes) {
  // Value and coin are always both drawn: a coin never shifts the numbers of the operators after it.
  const auto drawn = [&rng](float probability, float low, float high, float otherwise) {
    const float value = rng.uniform(low, high);
    return rng.coin(probability) ? value : otherwise;
  };
  Augmentation how;
  how.zoom = drawn(0.15F, 0.7F, 1.0F, 1.0F);
  for (bool& flip : how.flip) flip = rng.coin(0.33F);
  if (axes == Axes::InPlane) how.flip[0] = false;
  how.noise_std = drawn(0.15F, 0.0F, 0.33F, 0.0F);
  how.blur_sigma = drawn(0.15F, 0.5F, 1.5F, 0.0F);
  how.brightness = drawn(0.15F, 0.7F, 1.3F, 1.0F);
  how.contrast = drawn(0.15F, 0.65F, 1.5F, 1.0F);
  return how;
}

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
  BoxReader reader(from, start, box, flip, to.size, scratch);
  for (std::int64_t c = 0; c < to.channels; ++c) {
    reader.select(c);
    for (std::int64_t d = 0; d < to.size[0]; ++d) reader.plane(d, to.plane(c, d));
  }
  reader.label(to.label);
}

void augment(const CaseView& from, const Shape3& start, const Augmentation& how, Axes axes, const NoiseKey& noise,
             const PatchView& to, AugmentScratch& scratch) {
  const ZoomBox box = zoom_box(to.size, how.zoom, axes);
  const Shape3 box_start = {start[0] + box.offset[0], start[1] + box.offset[1], start[2] + box.offset[2]};
  BoxReader reader(from, box_start, box.size, how.flip, to.size, scratch);
  std::optional<Blur> blur;
  if (how.blur_sigma > 0) blur.emplace(how.blur_sigma);
  const bool blur_depth = blur && axes == Axes::Volume;
  Intensity intensity(how.brightness, how.contrast);
  const std::int64_t n = to.plane_size();
  for (std::int64_t c = 0; c < to.channels; ++c) {
    reader.select(c);
    for (std::int64_t d = 0; d < to.size[0]; ++d) {
      float* const plane = to.plane(c, d);
      reader.plane(d, plane);
      if (how.noise_std > 0) add_noise_to_plane(plane, n, c * to.size[0] + d, how.noise_std, noise);
      if (blur) blur->plane(plane, to.size[1], to.size[2], scratch);
      if (!blur_depth) intensity.see(plane, n);
    }
    if (blur_depth) blur->depth(to, c, intensity, scratch);
  }
  intensity.finish(to);
  reader.label(to.label);
}

}  // namespace nnunet
