#pragma once
#include <cstdint>
#include <filesystem>

#include "nnunet/io/nifti.h"

namespace nnunet {

struct PhantomOptions {
  std::filesystem::path output;  ///< the dataset becomes output/Task99_Phantom
  int cases = 24;                ///< training cases
  int test_cases = 6;            ///< held-out cases in imagesTs; labelsTs has their labels, unknown to dataset.json
  std::uint64_t seed = 1;
  int threads = 0;  ///< 0: one per core
};

/// One synthetic case: a body with three organs to find (1 lobe: a large ellipsoid, 2 node: a small bright ellipsoid,
/// 3 tube: a bent tube as bright as the node) among blobs and a rind of the same brightness, each with random pose,
/// size and brightness, seen through partial volumes, a bias field and Rician noise (Gudbjartsson and Patz, "The
/// Rician distribution of noisy MRI data", MRM 1995). About 40 x 56 x 40 voxels of 1.1 x 0.9 x 1.0 mm, different in
/// each case.
struct PhantomCase {
  Image image;
  LabelMap label;
};
PhantomCase make_phantom_case(std::uint64_t seed, std::uint32_t number);

/// Writes a Medical Segmentation Decathlon dataset of such cases; returns its folder. The same seed gives the same
/// voxels. Files that a former run with the same options wrote are kept. Throws Error when the folder holds anything
/// else, or a phantom made with other options.
std::filesystem::path write_phantom(const PhantomOptions& options);

}  // namespace nnunet
