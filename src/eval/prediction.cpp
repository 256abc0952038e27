#include "nnunet/eval/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/eval/argmax.h"
#include "nnunet/io/names.h"
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
ClassMap read_values(std::span<const T> values, const NpyFile& file, const std::string& name) {
  const auto& shape = file.shape();
  const std::size_t axes = shape.size();
  if ((axes != 3 && axes != 4) || std::count(shape.begin(), shape.end(), 0) > 0)
    throw Error(name, fmt::format("the shape {} is neither (K,D,H,W) nor (D,H,W)", shape_text(shape)));
  const bool softmax = axes == 4 && shape[0] > 1;
  if (softmax && (!std::is_floating_point_v<T> || shape[0] > 256))
    throw Error(name, fmt::format("{} channels of type {} are no softmax", shape[0], file.dtype()),
                "use floating-point numbers and at most 256 classes");
  ClassMap map;
  if constexpr (std::is_floating_point_v<T>) {
    if (softmax) map.voxels = argmax(values, shape, name);
  }
  if (!softmax) map.voxels = whole_numbers(values, {shape[axes - 3], shape[axes - 2], shape[axes - 1]}, name);
  map.n_class =
      softmax ? static_cast<int>(shape[0]) : *std::max_element(map.voxels.values.begin(), map.voxels.values.end()) + 1;
  return map;
}

ClassMap read_npy_map(const std::filesystem::path& path) {
  const NpyFile file(path);
  return file.visit([&](auto values) { return read_values(values, file, path.string()); });
}

}  // namespace

ClassMap read_class_map(const std::filesystem::path& path) {
  if (is_npy_name(path)) return read_npy_map(path);
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
  return is_npy_name(path) || is_nifti_name(path);
}

std::string class_map_case(const std::filesystem::path& path) {
  return is_npy_name(path) ? path.stem().string() : nifti_stem(path);
}

}  // namespace nnunet
