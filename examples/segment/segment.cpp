// segment CHECKPOINT IMAGE LABEL_MAP: segments one NIfTI image and prints the volume of each class.
#include <nnunet/infer/predictor.h>

#include <algorithm>
#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  if (argc != 4) return std::fprintf(stderr, "usage: segment CHECKPOINT IMAGE LABEL_MAP\n"), 2;
  nnunet::Predictor predictor(std::vector<std::filesystem::path>{argv[1]}, {}, {}, torch::kCPU,
                              nnunet::Precision::fp32);
  const nnunet::LabelMap map = predictor.segment(argv[2], nnunet::read_nifti(argv[2]));
  nnunet::write_label_map(argv[3], map);
  const auto& spacing = map.geometry.spacing;
  const double voxel_ml = spacing[0] * spacing[1] * spacing[2] / 1000;
  for (int c = 1; c < predictor.plan().n_class; ++c) {
    const auto voxels = std::count(map.voxels.values.begin(), map.voxels.values.end(), static_cast<std::uint8_t>(c));
    std::printf("class %d: %.2f mL\n", c, voxel_ml * static_cast<double>(voxels));
  }
  return 0;
} catch (const std::exception& e) {
  return std::fprintf(stderr, "error: %s\n", e.what()), 1;
}
