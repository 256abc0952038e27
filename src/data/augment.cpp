#include "nnunet/data/augment.h"

#include <algorithm>
#include <optional>

#include "box_reader.h"
#include "operators.h"

namespace nnunet {

namespace {

/// The patch as a case of its own, copied into the scratch.
CaseView as_case(const PatchView& patch, AugmentScratch& scratch) {
  const auto plane = static_cast<std::size_t>(patch.plane_size());
  scratch.image.resize(static_cast<std::size_t>(patch.channels * volume(patch.size)));
  scratch.label.assign(patch.label, patch.label + volume(patch.size));
  float* to = scratch.image.data();
  for (std::int64_t c = 0; c < patch.channels; ++c)
    for (std::int64_t d = 0; d < patch.size[0]; ++d, to += plane) std::copy_n(patch.plane(c, d), plane, to);
  return {scratch.image.data(), scratch.label.data(), patch.channels, patch.size};
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

void augment_in_passes(const CaseView& from, const Shape3& start, std::span<const Augmentation> passes, Axes axes,
                       const NoiseKey& noise, const PatchView& to, AugmentScratch& scratch) {
  augment(from, start, passes.empty() ? Augmentation() : passes.front(), axes, noise, to, scratch);
  NoiseKey key = noise;
  for (std::size_t pass = 1; pass < passes.size(); ++pass) {
    ++key.stream;
    augment(as_case(to, scratch), {0, 0, 0}, passes[pass], axes, key, to, scratch);
  }
}

}  // namespace nnunet
