#include "nnunet/eval/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/eval/argmax.h"
#include "nnunet/io/npy.h"

namespace nnunet {
namespace {

template <class T>
Array<std::uint8_t> argmax(std::span<const T> values, const std::vector<std::int64_t>& shape, const std::string& name) {
  Array<std::uint8_t> classes({shape[1], shape[2], shape[3]});
  if (!argmax_classes(values.data(), shape[0], classes.values.size(), classes.values))
    throw Error(name, "the softmax holds NaN", "predict the case anew");
  return classes;
}

template <class T>
Array<std::uint8_t> whole_numbers(std::span<const T> values, const Shape3& shape, const std::string& name) {
  Array<std::uint8_t> classes({shape[0], shape[1], shape[2]});
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<double>(values[i]);
    if (!(value >= 0 && value <= 255) || value != std::floor(value))
      throw Error(name, fmt::format("the value {} is not a class", value),
                  "class maps hold whole numbers from 0 to 255");
    classes.values[i] = static_cast<std::uint8_t>(value);
  }
  return classes;
}

template <class T>
ClassMap read_values(const NpyFile& file, const std::string& name) {
  const auto& shape = file.shape();
  const std::size_t axes = shape.size();
  if ((axes != 3 && axes != 4) || std::count(shape.begin(), shape.end(), 0) > 0)
    throw Error(name, fmt::format("the shape {} is neither (K,D,H,W) nor (D,H,W)", shape_text(shape)));
  const bool softmax = axes == 4 && shape[0] > 1;
  if (softmax && (!std::is_floating_point_v<T> || shape[0] > 256))
    throw Error(name, fmt::format("{} channels of type {} are no softmax", shape[0], file.dtype()),
                "use float32 and at most 256 classes");
  ClassMap map;
  if constexpr (std::is_floating_point_v<T>) {
    if (softmax) map.voxels = argmax(file.values<T>(), shape, name);
  }
  if (!softmax) map.voxels = whole_numbers(file.values<T>(), {shape[axes - 3], shape[axes - 2], shape[axes - 1]}, name);
  map.n_class =
      softmax ? static_cast<int>(shape[0]) : *std::max_element(map.voxels.values.begin(), map.voxels.values.end()) + 1;
  return map;
}

ClassMap read_npy_map(const std::filesystem::path& path) {
  const NpyFile file(path);
  const std::string name = path.string();
  if (file.dtype() == "f4") return read_values<float>(file, name);
  if (file.dtype() == "f8") return read_values<double>(file, name);
  if (file.dtype() == "u1") return read_values<std::uint8_t>(file, name);
  if (file.dtype() == "u2") return read_values<std::uint16_t>(file, name);
  if (file.dtype() == "i4") return read_values<std::int32_t>(file, name);
  if (file.dtype() == "i8") return read_values<std::int64_t>(file, name);
  throw Error(name, fmt::format("values of type {} cannot be scored", file.dtype()), "save them as float32 or uint8");
}

}  // namespace

ClassMap read_class_map(const std::filesystem::path& path) {
  if (path.extension() == ".npy") return read_npy_map(path);
  if (!is_nifti_name(path)) throw Error(path.string(), "the name ends in none of .npy, .nii, .nii.gz");
  LabelMap label = read_label_map(path);
  ClassMap map;
  map.voxels = std::move(label.voxels);
  map.n_class =
      map.voxels.values.empty() ? 1 : *std::max_element(map.voxels.values.begin(), map.voxels.values.end()) + 1;
  map.geometry = std::move(label.geometry);
  return map;
}

bool is_class_map_name(const std::filesystem::path& path) {
  return path.extension() == ".npy" || is_nifti_name(path);
}

std::string class_map_case(const std::filesystem::path& path) {
  return path.extension() == ".npy" ? path.stem().string() : nifti_stem(path);
}

}  // namespace nnunet
