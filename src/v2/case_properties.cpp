#include "nnunet/v2/case_properties.h"

#include "nnunet/io/atomic_file.h"

namespace nnunet::v2 {
namespace {

using Dict = PythonValue::Dict;

template <class Numbers>
PythonValue tuple_of(const Numbers& numbers) {
  PythonValue::Tuple tuple;
  for (const auto number : numbers) tuple.items.emplace_back(number);
  return tuple;
}

template <class Numbers>
PythonValue list_of(const Numbers& numbers) {
  PythonValue::List list;
  for (const auto number : numbers) list.items.emplace_back(number);
  return list;
}

PythonValue itk_stuff(const ReaderProperties::Itk& itk) {
  Dict dict;
  dict.entries.emplace_back("spacing", tuple_of(itk.spacing));
  dict.entries.emplace_back("origin", tuple_of(itk.origin));
  dict.entries.emplace_back("direction", tuple_of(itk.direction));
  if (itk.original_orientation) dict.entries.emplace_back("original_orientation", *itk.original_orientation);
  return dict;
}

/// numpy's array of 4 x 4 doubles.
PythonValue affine(const std::array<std::array<double, 4>, 4>& values) {
  const auto* const bytes = reinterpret_cast<const char*>(values.data());
  return PythonValue::Array{"f8", {4, 4}, std::string(bytes, sizeof(values))};
}

PythonValue nibabel_stuff(const ReaderProperties::Nibabel& nibabel) {
  Dict dict;
  dict.entries.emplace_back("original_affine", affine(nibabel.original_affine));
  if (nibabel.reoriented_affine) dict.entries.emplace_back("reoriented_affine", affine(*nibabel.reoriented_affine));
  return dict;
}

/// A label, or several as a tuple.
PythonValue request_key(std::span<const int> labels) {
  if (labels.size() == 1) return labels.front();
  return tuple_of(labels);
}

PythonValue rows_of(std::span<const std::array<std::int32_t, 3>> voxels) {
  if (voxels.empty()) return PythonValue::List{};
  std::vector<std::int64_t> rows;
  rows.reserve(4 * voxels.size());
  for (const auto& voxel : voxels) {
    rows.push_back(0);
    rows.insert(rows.end(), voxel.begin(), voxel.end());
  }
  const auto* const bytes = reinterpret_cast<const char*>(rows.data());
  return PythonValue::Array{
      "i8", {static_cast<std::int64_t>(voxels.size()), 4}, std::string(bytes, rows.size() * sizeof(std::int64_t))};
}

}  // namespace

PythonValue case_properties(const PreprocessedCase& c, const ReaderProperties& reader) {
  Dict dict;
  if (reader.itk) dict.entries.emplace_back("sitk_stuff", itk_stuff(*reader.itk));
  if (reader.nibabel) dict.entries.emplace_back("nibabel_stuff", nibabel_stuff(*reader.nibabel));
  dict.entries.emplace_back("spacing", list_of(reader.spacing));
  dict.entries.emplace_back("shape_before_cropping", tuple_of(c.original));
  PythonValue::List box;
  for (std::size_t axis = 0; axis < 3; ++axis)
    box.items.push_back(list_of(std::array{c.crop_start[axis], c.crop_end[axis]}));
  dict.entries.emplace_back("bbox_used_for_cropping", std::move(box));
  dict.entries.emplace_back("shape_after_cropping_and_before_resampling", tuple_of(c.cropped()));
  return dict;
}

PythonValue case_properties(const CaseStore& store, const std::string& name) {
  const StoredOrigin origin = store.origin(name);
  const auto stored = store.open(name);
  Dict locations;
  for (std::size_t i = 0; i < stored->requests(); ++i)
    locations.entries.emplace_back(request_key(stored->request_labels(i)), rows_of(stored->locations(i)));
  PythonValue properties = case_properties(origin.grid, origin.reader);
  std::get<Dict>(properties.data).entries.emplace_back("class_locations", std::move(locations));
  return properties;
}

void write_properties(const std::filesystem::path& path, const PythonValue& properties) {
  write_text(path, python_pickle(properties));
}

}  // namespace nnunet::v2
