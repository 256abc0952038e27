#include "nnunet/v2/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "nnunet/core/error.h"
#include "nnunet/io/image_orientation.h"

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

/// ITK: x, y, z; axes point to the left and to the back of the patient. Planes get a third axis, as nnU-Net has it.
Geometry from_itk(const PythonValue& itk, const Shape3& shape, const std::string& file) {
  const auto* const axes = itk.find("spacing") == nullptr ? nullptr : itk.find("spacing")->items();
  const std::size_t dim = axes != nullptr && axes->size() == 2 ? 2 : 3;
  const auto spacing = numbers(itk, "spacing", dim, file), origin = numbers(itk, "origin", dim, file),
             direction = numbers(itk, "direction", dim * dim, file);
  Geometry geometry;
  geometry.shape = shape;
  geometry.plane = dim == 2;
  for (std::size_t row = 0; row < 4; ++row) geometry.affine[row][row] = 1;
  for (std::size_t row = 0; row < dim; ++row) {
    const double sign = row < 2 ? -1 : 1;  // to RAS
    for (std::size_t column = 0; column < dim; ++column)
      geometry.affine[row][column] = sign * direction[row * dim + column] * spacing[column];
    geometry.affine[row][3] = sign * origin[row];
    geometry.spacing[2 - row] = spacing[row];
  }
  if (geometry.plane) geometry.spacing[0] = geometry.affine[2][2] = 999 * std::max(spacing[0], spacing[1]);
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

/// How ITK's word ("LPS": directions into which x, y, z run) becomes RAS: the axis of the file, and whether it is
/// turned.
Reorientation from_word(const std::string& word, const std::string& file) {
  constexpr std::array<std::string_view, 3> pairs{"RL", "AP", "SI"};
  Reorientation turned;
  std::array<bool, 3> found{};
  for (std::size_t axis = 0; axis < word.size() && word.size() == 3; ++axis)
    for (std::size_t i = 0; i < 3; ++i)
      if (pairs[i].find(word[axis]) != std::string_view::npos) {
        turned.source[i] = static_cast<int>(axis);
        turned.flipped[i] = word[axis] == pairs[i][1];
        found[i] = true;
      }
  if (!found[0] || !found[1] || !found[2]) throw Error(file, "\"original_orientation\" is no orientation", kRemedy);
  return turned;
}

/// The geometry before the turn.
Geometry turned_back(const Geometry& geometry, const Reorientation& turned) {
  Geometry original = geometry;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto axis = static_cast<std::size_t>(turned.source[i]);
    original.shape[2 - axis] = geometry.shape[2 - i];
    original.spacing[2 - axis] = geometry.spacing[2 - i];
    for (std::size_t row = 0; row < 3; ++row) {
      const double step = geometry.affine[row][i];
      original.affine[row][axis] = turned.flipped[i] ? -step : step;
      if (turned.flipped[i]) original.affine[row][3] += step * static_cast<double>(geometry.shape[2 - i] - 1);
    }
  }
  return original;
}

WideLabelMap placed_by_itk(Array<std::uint16_t> labels, const PythonValue& itk, const std::string& file) {
  const Geometry geometry = from_itk(itk, labels.spatial(), file);
  const PythonValue* const orientation = itk.find("original_orientation");
  if (orientation == nullptr) return {std::move(labels), geometry};
  const auto* const word = std::get_if<std::string>(&orientation->data);
  const Reorientation turned = from_word(word == nullptr ? "" : *word, file);
  return {turned.undo(labels), turned_back(geometry, turned)};
}

WideLabelMap placed_by_nibabel(Array<std::uint16_t> labels, const PythonValue& nibabel, const std::string& file) {
  const std::vector<double> affine = numbers(nibabel, "original_affine", 16, file);
  if (nibabel.find("reoriented_affine") != nullptr) {
    // The turn hangs on the affine alone.
    Image image{Array<float>({1, 1, 1, 1}), from_affine(affine, {1, 1, 1})};
    labels = to_canonical(image, ImageReader::nibabel_reorient, file).undo(labels);
  }
  const Geometry geometry = from_affine(affine, labels.spatial());
  return {std::move(labels), geometry};
}

}  // namespace

WideLabelMap placed(Array<std::uint16_t> labels, const PythonValue& properties, const std::string& file) {
  if (const PythonValue* const itk = properties.find("sitk_stuff")) return placed_by_itk(std::move(labels), *itk, file);
  if (const PythonValue* const nibabel = properties.find("nibabel_stuff"))
    return placed_by_nibabel(std::move(labels), *nibabel, file);
  const auto spacing = numbers(properties, "spacing", 3, file);
  const Geometry geometry =
      from_affine({spacing[2], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[0], 0, 0, 0, 0, 1}, labels.spatial());
  return {std::move(labels), geometry};
}

}  // namespace nnunet::v2
