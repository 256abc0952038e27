#include "nnunet/v2/label_volume.h"

namespace nnunet::v2 {

Image read_image(const std::filesystem::path& path) {
  return read_image_file(path);
}

LabelVolume read_label_volume(const std::filesystem::path& path) {
  return read_label_file(path);
}

void write_label_volume(const std::filesystem::path& path, const LabelVolume& volume) {
  write_label_file(path, volume.voxels, volume.geometry);
}

}  // namespace nnunet::v2
