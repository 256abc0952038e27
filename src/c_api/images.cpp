// Images from files as arrays, and label maps from arrays to files.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "arrays.h"
#include "functions.h"
#include "image_files.h"
#include "nnunet/checkpoint/json_value.h"
#include "nnunet/core/error.h"
#include "nnunet/io/image_file.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/properties.h"
#include "objects.h"

namespace nnunet::c_api {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
nnunet_array array_of(const Array<T>& values, nnunet_type type) {
  nnunet_array array{};
  array.data = const_cast<T*>(values.data());
  array.type = type;
  array.ndim = static_cast<std::int32_t>(values.shape.size());
  std::ranges::copy(values.shape, array.shape);
  return array;
}

Json json_of(const ReaderProperties& properties) {
  Json json{{"spacing", properties.spacing}};
  if (const auto& itk = properties.itk) {
    json["sitk_stuff"] = {{"spacing", itk->spacing}, {"origin", itk->origin}, {"direction", itk->direction}};
    if (itk->original_orientation) json["sitk_stuff"]["original_orientation"] = *itk->original_orientation;
  }
  if (const auto& nibabel = properties.nibabel) {
    json["nibabel_stuff"] = {{"original_affine", nibabel->original_affine}};
    if (nibabel->reoriented_affine) json["nibabel_stuff"]["reoriented_affine"] = *nibabel->reoriented_affine;
  }
  return json;
}

PythonValue properties_of(const char* json) {
  try {
    return python_from_json(Json::parse(json));
  } catch (const nlohmann::json::exception& e) {
    refuse_json(e.what(), "loaded_json");
  }
}

/// Pictures and Tiff3DIO have no place in space, all others do.
void require_place(const PythonValue& properties, ImageReader reader, const char* file) {
  if (reader == ImageReader::natural_image_2d || reader == ImageReader::tiff_3d) return;
  if (properties.find("sitk_stuff") != nullptr || properties.find("nibabel_stuff") != nullptr) return;
  throw Error(file, "the image's properties say nothing of where it lies: no sitk_stuff, no nibabel_stuff",
              "give what the image's reader gave, or write the array yourself");
}

}  // namespace

nnunet_status* image_read(const nnunet_model* model, const nnunet_image_files* files, nnunet_loaded** loaded) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(files, "files");
    require(loaded, "loaded");
    const ImageFormat& format = model->opened.format;
    const ImageCase image = channels_of(read_struct(files, "files"));
    auto result = std::make_unique<nnunet_loaded>();
    result->name = format.stem(image.channels.front());
    result->item = read_case_image(image, format);
    if (!image.previous.empty()) result->previous = read_case_labels(image.previous, result->item, format);
    *loaded = result.release();
  });
}

void loaded_release(nnunet_loaded* loaded) {
  delete loaded;
}

nnunet_status* loaded_image(const nnunet_loaded* loaded, nnunet_image* image) {
  return guarded(NNUNET_FAILED, [&] {
    require(loaded, "loaded");
    nnunet_image result{};
    result.voxels = array_of(loaded->item.image.voxels, NNUNET_FLOAT32);
    std::ranges::copy(loaded->item.image.geometry.spacing, result.spacing);
    std::ranges::copy(loaded->direction, result.direction);
    if (loaded->previous) result.previous = array_of(*loaded->previous, NNUNET_UINT16);
    result.name = loaded->name.c_str();
    write_struct(result, image, "image");
  });
}

nnunet_status* loaded_json(const nnunet_loaded* loaded, nnunet_text** json) {
  return guarded(NNUNET_FAILED, [&] {
    require(loaded, "loaded");
    require(json, "json");
    *json = make_text(json_of(loaded->item.properties).dump());
  });
}

nnunet_status* labels_write(const nnunet_model* model, const nnunet_array* labels, const char* json, const char* file) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(labels, "labels");
    require(json, "json");
    require(file, "file");
    const ImageFormat& format = model->opened.format;
    require_ending(file, format);
    const PythonValue properties = properties_of(json);
    require_place(properties, format.reader, file);
    const ImageView view = view_of(*labels, "labels");
    if (view.type != NumberType::uint8 && view.type != NumberType::uint16)
      throw InvalidCall("labels: have to be of NNUNET_UINT8 or NNUNET_UINT16");
    if (view.shape[0] != 1)
      throw InvalidCall(fmt::format("labels: has the shape {}, not one channel", shape_text(view.shape)));
    const WideLabelMap map = v2::placed(labels_in(view, file), properties, file);
    write_label_file(file, map.voxels, map.geometry, format.reader);
  });
}

}  // namespace nnunet::c_api
