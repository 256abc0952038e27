#include "nnunet/v2/properties.h"

#include <fmt/format.h>

#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet::v2 {
namespace {

constexpr const char* kRemedy = "predict the case again with --save_probabilities";

std::vector<double> numbers(const PythonValue& of, const char* key, std::size_t count, const std::string& file) {
  const PythonValue* const value = of.find(key);
  if (value == nullptr) throw Error(file, fmt::format("\"{}\" is missing", key), kRemedy);
  const std::vector<double> result = value->as_doubles(fmt::format("{}: {}", file, key));
  if (result.size() != count)
    throw Error(file, fmt::format("\"{}\" has {} numbers, not {}", key, result.size(), count), kRemedy);
  return result;
}

/// ITK: x, y, z; axes point to the left and to the back of the patient. Two-dimensional images get a third axis.
Geometry from_itk(const PythonValue& itk, const Shape3& shape, const std::string& file) {
  const auto* const axes = itk.find("spacing") == nullptr ? nullptr : itk.find("spacing")->items();
  const std::size_t dim = axes != nullptr && axes->size() == 2 ? 2 : 3;
  const auto spacing = numbers(itk, "spacing", dim, file), origin = numbers(itk, "origin", dim, file),
             direction = numbers(itk, "direction", dim * dim, file);
  Geometry geometry;
  geometry.shape = shape;
  geometry.spacing = {1, 1, 1};
  for (std::size_t row = 0; row < 4; ++row) geometry.affine[row][row] = 1;
  for (std::size_t row = 0; row < dim; ++row) {
    const double sign = row < 2 ? -1 : 1;  // to RAS
    for (std::size_t column = 0; column < dim; ++column)
      geometry.affine[row][column] = sign * direction[row * dim + column] * spacing[column];
    geometry.affine[row][3] = sign * origin[row];
    geometry.spacing[2 - row] = spacing[row];
  }
  return geometry;
}

Geometry from_affine(const std::vector<double>& numbers, const Shape3& shape) {
  Geometry geometry;
  geometry.shape = shape;
  for (std::size_t i = 0; i < 16; ++i) geometry.affine[i / 4][i % 4] = numbers[i];
  for (std::size_t axis = 0; axis < 3; ++axis)
    geometry.spacing[2 - axis] =
        std::hypot(geometry.affine[0][axis], geometry.affine[1][axis], geometry.affine[2][axis]);
  return geometry;
}

}  // namespace

Geometry geometry_of(const PythonValue& properties, const Shape3& shape, const std::string& file) {
  if (const PythonValue* const itk = properties.find("sitk_stuff")) return from_itk(*itk, shape, file);
  if (const PythonValue* const nibabel = properties.find("nibabel_stuff")) {
    if (nibabel->find("reoriented_affine") != nullptr)
      throw Error(file, "was reoriented when it was read, which is not undone here yet",
                  "use SimpleITKIO or NibabelIO");
    return from_affine(numbers(*nibabel, "original_affine", 16, file), shape);
  }
  const auto spacing = numbers(properties, "spacing", 3, file);
  return from_affine({spacing[2], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[0], 0, 0, 0, 0, 1}, shape);
}

}  // namespace nnunet::v2
