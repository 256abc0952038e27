#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// A class map read from any of the files that hold one.
struct ClassMap {
  Array<std::uint8_t> voxels;        ///< (D,H,W)
  int n_class = 0;                   ///< channels of a softmax; of a class map its largest class + 1
  std::optional<Geometry> geometry;  ///< none from .npy files
};

/// Reads .nii, .nii.gz (whole numbers 0-255) or .npy: softmax or logits (K,D,H,W) of type float16, float32 or float64,
/// the class is the first largest channel, as numpy.argmax; or classes (D,H,W) or (1,D,H,W) of any type that NpyFile
/// reads.
/// Throws Error naming the file: unreadable, another number of axes, NaN, classes that are fractional or not in 0-255.
ClassMap read_class_map(const std::filesystem::path& path);

/// True for the names that read_class_map reads; class_map_case: the case's name, without that ending.
bool is_class_map_name(const std::filesystem::path& path);
std::string class_map_case(const std::filesystem::path& path);

}  // namespace nnunet
