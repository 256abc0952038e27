#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>

#include "nnunet/io/nifti.h"

// Reading and writing of .nii.gz: a part of a CT (whole numbers, noisy) and a label map. Bytes a second are unpacked
// ones.
namespace nnunet {
namespace {

constexpr Shape3 kShape{60, 256, 256};

Geometry geometry() {
  Geometry g;
  g.shape = kShape;
  g.spacing = {1, 1, 1};
  for (std::size_t i = 0; i < 4; ++i) g.affine[i][i] = 1;
  return g;
}

Image image() {
  Image made;
  made.geometry = geometry();
  made.voxels = Array<float>({1, kShape[0], kShape[1], kShape[2]});
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < made.voxels.values.size(); ++i) {
    state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    made.voxels.values[i] = std::round(500 * std::sin(1e-4F * static_cast<float>(i))) + static_cast<float>(state >> 27);
  }
  return made;
}

LabelMap label_map() {
  LabelMap made;
  made.geometry = geometry();
  made.voxels = Array<std::uint8_t>({kShape[0], kShape[1], kShape[2]});
  for (std::size_t i = 0; i < made.voxels.values.size(); ++i)
    made.voxels.values[i] = static_cast<std::uint8_t>(i / 40 % 7 < 5 ? 0 : i / 5000 % 40);
  return made;
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "nnunet_micro") {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void read_image(benchmark::State& state) {
  const Folder folder;
  write_image(folder / "x.nii.gz", image());
  for (auto _ : state) benchmark::DoNotOptimize(read_nifti(folder / "x.nii.gz").voxels.data());
  state.SetBytesProcessed(state.iterations() * volume(kShape) * 4);
}

void read_label(benchmark::State& state) {
  const Folder folder;
  write_label_map(folder / "y.nii.gz", label_map());
  for (auto _ : state) benchmark::DoNotOptimize(read_label_map(folder / "y.nii.gz", 41).voxels.data());
  state.SetBytesProcessed(state.iterations() * volume(kShape));
}

void pack_label(benchmark::State& state) {
  const LabelMap map = label_map();
  for (auto _ : state) benchmark::DoNotOptimize(encode_label_map(map, true).data());
  state.SetBytesProcessed(state.iterations() * volume(kShape));
}

BENCHMARK(read_image)->Unit(benchmark::kMillisecond);
BENCHMARK(read_label)->Unit(benchmark::kMillisecond);
BENCHMARK(pack_label)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nnunet
