#include "nnunet/v2/label_volume.h"

#include <algorithm>

#include "nnunet/core/error.h"

namespace nnunet::v2 {

Image read_image(const std::filesystem::path& path) {
  return read_nifti(path);
}

LabelVolume read_label_volume(const std::filesystem::path& path) {
  const LabelMap map = read_label_map(path);
  LabelVolume volume{Array<std::uint16_t>(map.voxels.shape), map.geometry};
  std::ranges::copy(map.voxels.values, volume.voxels.values.begin());
  return volume;
}

void write_label_volume(const std::filesystem::path& path, const LabelVolume& volume) {
  LabelMap map{Array<std::uint8_t>(volume.voxels.shape), volume.geometry};
  if (std::ranges::any_of(volume.voxels.values, [](std::uint16_t label) { return label > 255; }))
    throw Error(path.string(), "labels above 255 cannot be written yet");
  std::ranges::transform(volume.voxels.values, map.voxels.values.begin(),
                         [](std::uint16_t label) { return static_cast<std::uint8_t>(label); });
  write_label_map(path, map);
}

}  // namespace nnunet::v2
