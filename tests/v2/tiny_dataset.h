#pragma once
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "nnunet/io/image_file.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"
#include "v2/label_volumes.h"

namespace nnunet::test {

inline Image small_image(const Shape3& shape, std::int64_t channels = 1, float scale = 1) {
  Image image{Array<float>({channels, shape[0], shape[1], shape[2]}), {}};
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i)
    image.voxels.values[i] = scale * (2 + std::sin(static_cast<float>(i)));
  image.geometry.shape = shape;
  image.geometry.spacing = {2, 1, 1};
  image.geometry.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 1}}};
  return image;
}

/// A raw dataset of small images with labels 1 and 2, which tests damage. No network is planned for less than 8 voxels
/// an axis.
class TinyDataset {
 public:
  explicit TinyDataset(std::filesystem::path folder, int cases = 3, const Shape3& smallest = {4, 6, 5})
      : folder_(std::move(folder)) {
    for (int i = 0; i < cases; ++i) {
      const Shape3 shape{smallest[0] + i, smallest[1], smallest[2]};
      write_image(image("case_" + std::to_string(i)), small_image(shape));
      write_label_file(label("case_" + std::to_string(i)),
                       labelled(speckles(shape, 2, 0.5, static_cast<std::uint32_t>(i + 1))));
    }
    describe(fmt::format(R"({{"channel_names": {{"0": "CT"}}, "labels": {{"background": 0, "a": 1, "b": 2}},
        "numTraining": {}, "file_ending": ".nii.gz"}})",
                         cases));
  }

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path image(const std::string& name) const {
    return made(folder_ / "imagesTr") / (name + "_0000.nii.gz");
  }
  std::filesystem::path label(const std::string& name) const { return made(folder_ / "labelsTr") / (name + ".nii.gz"); }
  void describe(const std::string& json) const { std::ofstream(made(folder_) / "dataset.json") << json; }

 private:
  static std::filesystem::path made(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    return folder;
  }

  std::filesystem::path folder_;
};

}  // namespace nnunet::test
