#pragma once
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fake_model.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"

namespace nnunet::test {

/// An image of so many channels as a file. first: the first channel's first value; labels follow it.
inline std::string nifti_file(bool compressed, std::int64_t channels = 2, int first = 0) {
  Image image;
  image.voxels = Array<float>({channels, 3, 4, 5});
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] = static_cast<float>((i + static_cast<std::size_t>(first)) % 3) / 2;
  image.geometry.shape = {3, 4, 5};
  image.geometry.spacing = {3, 2, 1};
  image.geometry.affine = {{{1, 0, 0, 5}, {0, 2, 0, 6}, {0, 0, 3, 7}, {0, 0, 0, 1}}};
  const TempFolder folder;
  const auto path = folder / (compressed ? "image.nii.gz" : "image.nii");
  write_image(path, image);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What FakeModel makes of an image, as a file.
inline std::string label_file(Image image, bool compressed) {
  const auto control = std::make_shared<FakeControl>();
  control->channels = static_cast<int>(image.voxels.size(0));
  FakeModel model(control);
  serve::SegmentWatch watch;
  const auto bytes = encode_label_map(model.segment("image", std::move(image), watch), compressed);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string expected_labels(const std::string& file, bool compressed) {
  return label_file(read_nifti(std::as_bytes(std::span(file)), "image"), compressed);
}

}  // namespace nnunet::test
