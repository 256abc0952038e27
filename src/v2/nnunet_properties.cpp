// What nnU-Net's CASE.pkl says, as this program keeps it; case_properties.cpp is the way back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/transpose.h"
#include "nnunet/v2/nnunet_cases.h"

namespace nnunet::v2 {
namespace {

constexpr const char* kRemedy = "preprocess the dataset again: nnUNetv2_preprocess";

const PythonValue& entry(const PythonValue& of, const char* key, const std::string& file) {
  const PythonValue* const value = of.find(key);
  if (value == nullptr) throw Error(file, fmt::format("\"{}\" is missing", key), kRemedy);
  return *value;
}

template <class T>
std::array<T, 3> three(const PythonValue& of, const char* key, const std::string& file) {
  const std::string what = fmt::format("{}: {}", file, key);
  const std::vector<double> values = entry(of, key, file).as_doubles(what);
  if (values.size() != 3) throw Error(what, fmt::format("has {} numbers, not 3", values.size()), kRemedy);
  return {static_cast<T>(values[0]), static_cast<T>(values[1]), static_cast<T>(values[2])};
}

ReaderProperties::Itk itk_of(const PythonValue& stuff, const std::string& file) {
  ReaderProperties::Itk itk;
  itk.spacing = entry(stuff, "spacing", file).as_doubles(file + ": spacing");
  itk.origin = entry(stuff, "origin", file).as_doubles(file + ": origin");
  itk.direction = entry(stuff, "direction", file).as_doubles(file + ": direction");
  const std::size_t dim = itk.spacing.size();
  if ((dim != 2 && dim != 3) || itk.origin.size() != dim || itk.direction.size() != dim * dim)
    throw Error(file, "\"sitk_stuff\" is not of 2 or 3 axes", kRemedy);
  if (const PythonValue* const word = stuff.find("original_orientation"))
    if (const auto* const text = std::get_if<std::string>(&word->data)) itk.original_orientation = *text;
  return itk;
}

std::array<std::array<double, 4>, 4> affine_of(const PythonValue& value, const std::string& file) {
  const std::vector<double> values = value.as_doubles(file + ": affine");
  if (values.size() != 16) throw Error(file, "an affine is not 4x4", kRemedy);
  std::array<std::array<double, 4>, 4> affine{};
  for (std::size_t i = 0; i < 16; ++i) affine[i / 4][i % 4] = values[i];
  return affine;
}

ReaderProperties::Nibabel nibabel_of(const PythonValue& stuff, const std::string& file) {
  ReaderProperties::Nibabel nibabel;
  nibabel.original_affine = affine_of(entry(stuff, "original_affine", file), file);
  if (const PythonValue* const turned = stuff.find("reoriented_affine"))
    nibabel.reoriented_affine = affine_of(*turned, file);
  return nibabel;
}

/// The label or labels that a key of class_locations names.
std::vector<int> labels_of(const PythonValue& key, const std::string& file) {
  std::vector<int> labels;
  const auto add = [&](const PythonValue& one) {
    labels.push_back(static_cast<int>(one.as_int(file + ": class_locations")));
  };
  if (const auto* const items = key.items())
    std::ranges::for_each(*items, add);
  else
    add(key);
  return labels;
}

/// Rows (0,z,y,x), or an empty list.
std::vector<std::array<std::int64_t, 3>> voxels_of(const PythonValue& rows, const std::string& file) {
  const std::vector<double> values = rows.as_doubles(file + ": class_locations");
  if (values.size() % 4 != 0) throw Error(file, "\"class_locations\" are not rows of four numbers", kRemedy);
  std::vector<std::array<std::int64_t, 3>> voxels(values.size() / 4);
  for (std::size_t i = 0; i < voxels.size(); ++i)
    for (std::size_t axis = 0; axis < 3; ++axis) voxels[i][axis] = static_cast<std::int64_t>(values[4 * i + 1 + axis]);
  return voxels;
}

}  // namespace

StoredOrigin stored_origin(const PythonValue& properties, const std::array<int, 3>& transpose,
                           const std::string& file) {
  StoredOrigin origin;
  origin.reader.spacing = three<double>(properties, "spacing", file);
  if (const PythonValue* const itk = properties.find("sitk_stuff")) origin.reader.itk = itk_of(*itk, file);
  if (const PythonValue* const nibabel = properties.find("nibabel_stuff"))
    origin.reader.nibabel = nibabel_of(*nibabel, file);
  PreprocessedCase& grid = origin.grid;
  grid.transpose = transpose;
  grid.spacing = in_order(origin.reader.spacing, transpose);
  grid.original = three<std::int64_t>(properties, "shape_before_cropping", file);
  const auto* const box = entry(properties, "bbox_used_for_cropping", file).items();
  if (box == nullptr || box->size() != 3) throw Error(file, "\"bbox_used_for_cropping\" is not of 3 axes", kRemedy);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::vector<double> ends = (*box)[axis].as_doubles(file + ": bbox_used_for_cropping");
    if (ends.size() != 2 || ends[0] < 0 || ends[1] <= ends[0] || ends[1] > static_cast<double>(grid.original[axis]))
      throw Error(file, fmt::format("\"bbox_used_for_cropping\" does not lie in {}", shape_text(grid.original)),
                  kRemedy);
    grid.crop_start[axis] = static_cast<std::int64_t>(ends[0]);
    grid.crop_end[axis] = static_cast<std::int64_t>(ends[1]);
  }
  return origin;
}

std::vector<ClassLocations> class_locations(const PythonValue& properties,
                                            const std::vector<std::vector<int>>& requests, const std::string& file) {
  const auto* const dict = std::get_if<PythonValue::Dict>(&entry(properties, "class_locations", file).data);
  if (dict == nullptr) throw Error(file, "\"class_locations\" is no dict", kRemedy);
  std::vector<ClassLocations> all;
  for (const std::vector<int>& request : requests) {
    const auto found =
        std::ranges::find_if(dict->entries, [&](const auto& one) { return labels_of(one.first, file) == request; });
    if (found == dict->entries.end())
      throw Error(file, fmt::format("has no places of the label {}: it was preprocessed for other labels", request),
                  kRemedy);
    all.push_back({request, voxels_of(found->second, file)});
  }
  return all;
}

}  // namespace nnunet::v2
