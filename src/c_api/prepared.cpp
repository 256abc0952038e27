#include "prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "arrays.h"
#include "functions.h"
#include "nnunet/preprocess/transpose.h"
#include "run.h"

namespace nnunet::c_api {
namespace {

using Json = nlohmann::ordered_json;

/// How the model's reader would turn the image, which gets the spacing that it would have then.
std::optional<Reorientation> turn(ImageView& view, const nnunet_image& image, ImageReader reader,
                                  const std::string& name) {
  const auto& direction = image.direction;
  if (!reorients(reader) || std::ranges::all_of(direction, [](double d) { return d == 0; })) return std::nullopt;
  Geometry geometry;
  geometry.shape = view.spatial();
  geometry.spacing = view.spacing;
  for (std::size_t row = 0; row < 3; ++row)  // LPS to RAS
    for (std::size_t axis = 0; axis < 3; ++axis)
      geometry.affine[row][axis] = (row < 2 ? -1 : 1) * direction[3 * row + axis] * view.spacing[2 - axis];
  geometry.affine[3][3] = 1;
  const Reorientation turned_by = canonical_axes(geometry, reader, name);
  view = turned(view, turned_by);
  view.spacing = geometry.spacing;
  return turned_by;
}

ImageView image_view(const nnunet_image& image) {
  ImageView view = view_of(image.voxels, "voxels");
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!(image.spacing[axis] > 0) || !std::isfinite(image.spacing[axis]))
      throw InvalidCall(fmt::format("spacing: is {} along axis {}", image.spacing[axis], axis));
    view.spacing[axis] = image.spacing[axis];
  }
  return view;
}

std::optional<Array<std::uint16_t>> previous_labels(const nnunet_image& image, const ImageView& voxels,
                                                    const std::optional<Reorientation>& turned_by,
                                                    const std::string& name) {
  if (!is_there(image.previous)) return std::nullopt;
  ImageView labels = view_of(image.previous, "previous");
  if (turned_by) labels = turned(labels, *turned_by);
  if (labels.shape[0] != 1 || labels.spatial() != voxels.spatial())
    throw InvalidCall(
        fmt::format("previous: has the shape {}, the image {}", shape_text(labels.shape), shape_text(voxels.shape)));
  return labels_in(labels, name + ": labels of the previous stage");
}

Json turned_json(const Reorientation& turned_by) {
  return {{"source", turned_by.source}, {"flipped", turned_by.flipped}, {"shape", turned_by.original.shape}};
}

Json json_of(const PreprocessedCase& c) {
  Json box = Json::array();
  for (std::size_t axis = 0; axis < 3; ++axis) box.push_back({c.crop_start[axis], c.crop_end[axis]});
  return {{"spacing", in_order(c.spacing, inverse_order(c.transpose))},
          {"shape_before_cropping", c.original},
          {"bbox_used_for_cropping", std::move(box)},
          {"shape_after_cropping_and_before_resampling", c.cropped()}};
}

PreprocessedCase case_of(const Json& json, const std::array<int, 3>& transpose) {
  PreprocessedCase c;
  c.transpose = transpose;
  c.spacing = in_order(json.at("spacing").get<Spacing3>(), transpose);
  c.original = json.at("shape_before_cropping").get<Shape3>();
  const auto box = json.at("bbox_used_for_cropping").get<std::array<std::array<std::int64_t, 2>, 3>>();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    c.crop_start[axis] = box[axis][0];
    c.crop_end[axis] = box[axis][1];
    if (c.crop_start[axis] < 0 || c.crop_start[axis] >= c.crop_end[axis] || c.crop_end[axis] > c.original[axis])
      throw InvalidCall("json: its bbox_used_for_cropping does not lie within shape_before_cropping");
    if (!(c.spacing[axis] > 0) || !std::isfinite(c.spacing[axis]))
      throw InvalidCall("json: its spacing is not positive");
  }
  return c;
}

std::optional<Reorientation> turned_of(const Json& json) {
  if (!json.contains("turned")) return std::nullopt;
  Reorientation turned_by;
  json.at("turned").at("source").get_to(turned_by.source);
  json.at("turned").at("flipped").get_to(turned_by.flipped);
  json.at("turned").at("shape").get_to(turned_by.original.shape);
  std::array<int, 3> axes = turned_by.source;
  std::ranges::sort(axes);
  if (axes != std::array{0, 1, 2}) throw InvalidCall("json: its turned.source does not name each axis once");
  return turned_by;
}

}  // namespace

GivenImage given_image(const nnunet_model& model, const nnunet_image* image) {
  require(image, "image");
  const nnunet_image given = read_struct(image, "image");
  GivenImage result;
  result.name = given.name == nullptr ? "image" : given.name;
  result.view = image_view(given);
  result.shape = result.view.spatial();
  result.turned = turn(result.view, given, model.opened.format.reader, result.name);
  result.previous = previous_labels(given, result.view, result.turned, result.name);
  return result;
}

std::unique_ptr<nnunet_prepared> prepared_from(const nnunet_model& model, const GivenImage& image, int threads) {
  auto prepared = std::make_unique<nnunet_prepared>();
  prepared->name = image.name;
  prepared->turned = image.turned;
  prepared->item =
      model.predictor.preprocess(image.name, image.view, threads, image.previous ? &*image.previous : nullptr);
  return prepared;
}

Shape3 caller_shape(const nnunet_model& model, const nnunet_prepared& prepared) {
  if (prepared.turned) return prepared.turned->original.shape;
  return model.predictor.original_grid(prepared.item).image_shape();
}

nnunet_status* prepare(const nnunet_model* model, const nnunet_image* image, int32_t threads,
                       nnunet_prepared** prepared) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(prepared, "prepared");
    nnunet_run_options run{};
    run.struct_size = sizeof run;
    run.threads = threads;
    *prepared = prepared_from(*model, given_image(*model, image), Run(&run).threads()).release();
  });
}

void prepared_release(nnunet_prepared* prepared) {
  delete prepared;
}

nnunet_status* prepared_array(const nnunet_prepared* prepared, nnunet_array* array) {
  return guarded(NNUNET_FAILED, [&] {
    require(prepared, "prepared");
    require(array, "array");
    const Array<float>& x = prepared->item.x;
    if (x.values.empty()) throw InvalidCall("prepared: was made from JSON and has no array");
    *array = {};
    array->data = const_cast<float*>(x.data());
    array->type = NNUNET_FLOAT32;
    array->ndim = 4;
    auto step = static_cast<std::int64_t>(sizeof(float));
    for (std::size_t axis = 4; axis-- > 0; step *= x.shape[axis]) {
      array->shape[axis] = x.shape[axis];
      array->strides[axis] = step;
    }
  });
}

nnunet_status* prepared_json(const nnunet_prepared* prepared, nnunet_text** json) {
  return guarded(NNUNET_FAILED, [&] {
    require(prepared, "prepared");
    require(json, "json");
    Json object = json_of(prepared->item);
    if (prepared->turned) object["turned"] = turned_json(*prepared->turned);
    *json = make_text(object.dump());
  });
}

nnunet_status* prepared_from_json(const nnunet_model* model, const char* json, nnunet_prepared** prepared) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(json, "json");
    require(prepared, "prepared");
    try {
      const Json object = Json::parse(json);
      auto made = std::make_unique<nnunet_prepared>();
      made->name = "image";
      made->item = case_of(object, model->predictor.model().preprocess.transpose);
      made->turned = turned_of(object);
      *prepared = made.release();
    } catch (const nlohmann::json::exception& e) {
      refuse_json(e.what(), "prepared_json");
    }
  });
}

}  // namespace nnunet::c_api
