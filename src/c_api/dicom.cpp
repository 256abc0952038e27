// DICOM series as images, and labels as objects of theirs.
#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "arrays.h"
#include "dicom/object_log.h"
#include "functions.h"
#include "nnunet/core/error.h"
#include "nnunet/dicom/object.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/dicom/series_cases.h"
#include "objects.h"
#include "run.h"

namespace nnunet::c_api {
namespace {

using Json = nlohmann::ordered_json;
using dicom::FoundSeries;

/// Columns: where x, y and z of the voxels run, LPS. Times the spacing they are the steps between voxels, also where
/// the planes are shifted against each other (a tilted gantry) and z is no unit vector.
std::array<double, 9> direction_of(const FoundSeries& found) {
  std::array<double, 9> direction{};
  const dicom::Series& series = found.series;
  for (std::size_t row = 0; row < 3; ++row) {
    direction[3 * row] = series.row[row];
    direction[3 * row + 1] = series.column[row];
    direction[3 * row + 2] = found.step[row] / series.spacing[0];
  }
  return direction;
}

Json place_json(const FoundSeries& found) {
  return {{"spacing", found.series.spacing},
          {"origin", found.series.frames.front().position},
          {"direction", direction_of(found)}};
}

Json series_json(const FoundSeries& found) {
  const dicom::Series& series = found.series;
  Json json{{"uid", found.name()},           {"apart", found.apart},
            {"study_uid", series.study_uid}, {"frame_of_reference_uid", series.frame_of_reference_uid},
            {"modality", series.modality},   {"number", found.number},
            {"shape", series.shape},         {"invented_uids", series.invented_uids},
            {"problem", found.problem},      {"remedy", found.remedy},
            {"warnings", found.warnings}};
  if (found.problem.empty()) json.update(place_json(found));
  return json;
}

/// Series that can be read, as the program chooses them. no UIDs: the only one.
std::vector<FoundSeries> choose(const nnunet_dicom& dicom, const std::vector<std::string>& uids,
                                const std::function<void(const std::string&)>& warn) {
  const dicom::ChoiceTerms terms{.parameter = "series",
                                 .remedy = "name one of them, or one a channel",
                                 .listed = "see which series were found and which files left out",
                                 .warn = warn,
                                 .takes_all = false};
  // What is left out stands in dicom_json and need not be said again.
  return dicom::choose_series({dicom.finding.series, {}, 0}, dicom.path, uids, terms);
}

std::vector<FoundSeries> chosen_series(const nnunet_dicom& dicom, const char* const* uids, std::size_t count) {
  if (count > 0) require(uids, "uids");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    require(uids[i], "uids");
    names.emplace_back(uids[i]);
  }
  return choose(dicom, names, {});
}

/// To be written to, which follows reading: its warnings are not repeated. uid null: the only one.
FoundSeries target_series(const nnunet_dicom& dicom, const char* uid) {
  std::vector<std::string> names;
  if (uid != nullptr) names.emplace_back(uid);
  return std::move(choose(dicom, names, [](const std::string&) {}).front());
}

Image read_series(const std::vector<FoundSeries>& chosen, int threads) {
  return read_channels(
      chosen.size(), [&](std::size_t i) { return dicom::read_series(chosen[i], threads); },
      [&](std::size_t i) { return "series " + chosen[i].name(); });
}

/// As nnU-Net's readers say where an image lies.
ReaderProperties properties_of(const FoundSeries& found) {
  const dicom::Series& series = found.series;
  const auto direction = direction_of(found);
  const auto& origin = series.frames.front().position;
  ReaderProperties properties;
  properties.spacing = series.spacing;
  properties.itk.emplace();
  properties.itk->spacing.assign(series.spacing.rbegin(), series.spacing.rend());
  properties.itk->origin.assign(origin.begin(), origin.end());
  properties.itk->direction.assign(direction.begin(), direction.end());
  return properties;
}

dicom::ObjectType type_of(nnunet_object type) {
  switch (type) {
    case NNUNET_BINARY:
      return dicom::ObjectType::binary;
    case NNUNET_LABELMAP:
      return dicom::ObjectType::labelmap;
    case NNUNET_RTSTRUCT:
      return dicom::ObjectType::rtstruct;
    default:
      throw InvalidCall(fmt::format("type: {} is no kind of object", type));
  }
}

dicom::ObjectOptions object_options(const nnunet_object_options& given, const Array<std::uint16_t>& labels) {
  dicom::ObjectOptions options;
  if (given.labels != nullptr)
    options.segments = dicom::parse_segments(given.labels, "labels");
  else if (given.model != nullptr)
    options.segments = dicom::named_segments(named_values(given.model->predictor.model().labels));
  else
    options.segments = dicom::named_segments(dicom::unnamed_values(labels));
  if (given.algorithm != nullptr) options.algorithm = given.algorithm;
  if (given.description != nullptr) options.description = given.description;
  if (given.series_number < 0) throw InvalidCall(fmt::format("series_number: {} is below 0", given.series_number));
  if (given.series_number > 0) options.series_number = given.series_number;
  options.anonymous = given.anonymous != 0;
  return options;
}

Array<std::uint16_t> labels_on(const FoundSeries& found, const nnunet_array& labels) {
  const ImageView view = view_of(labels, "labels");
  if (view.shape[0] != 1 || view.spatial() != found.series.shape)
    throw InvalidCall(
        fmt::format("labels: has the shape {}, the series {}", shape_text(view.shape), shape_text(found.series.shape)));
  return labels_in(view, "labels");
}

}  // namespace

nnunet_status* dicom_find(const char* path, nnunet_dicom** dicom) {
  return guarded(NNUNET_FAILED, [&] {
    require(path, "path");
    require(dicom, "dicom");
    *dicom = new nnunet_dicom{path, dicom::find_series(path)};
  });
}

void dicom_release(nnunet_dicom* dicom) {
  delete dicom;
}

nnunet_status* dicom_json(const nnunet_dicom* dicom, nnunet_text** json) {
  return guarded(NNUNET_FAILED, [&] {
    require(dicom, "dicom");
    require(json, "json");
    Json object{{"series", Json::array()}, {"left_out", Json::array()}, {"others", dicom->finding.others}};
    for (const FoundSeries& found : dicom->finding.series) object["series"].push_back(series_json(found));
    for (const dicom::LeftOut& file : dicom->finding.left_out)
      object["left_out"].push_back({{"file", file.file}, {"reason", file.reason}});
    *json = make_text(object.dump(-1, ' ', false, Json::error_handler_t::replace));
  });
}

nnunet_status* dicom_image(const nnunet_dicom* dicom, const char* const* uids, size_t count, int32_t threads,
                           nnunet_loaded** loaded) {
  return guarded(NNUNET_FAILED, [&] {
    require(dicom, "dicom");
    require(loaded, "loaded");
    check_threads(threads);
    const auto chosen = chosen_series(*dicom, uids, count);
    auto result = std::make_unique<nnunet_loaded>();
    result->name = chosen.front().name();
    result->item.image = read_series(chosen, threads);
    result->item.original = result->item.image.geometry;
    result->item.properties = properties_of(chosen.front());
    result->direction = direction_of(chosen.front());
    *loaded = result.release();
  });
}

nnunet_status* dicom_write(const nnunet_dicom* dicom, const char* uid, const nnunet_array* labels,
                           const nnunet_object_options* options, const char* file) {
  return guarded(NNUNET_FAILED, [&] {
    require(dicom, "dicom");
    require(labels, "labels");
    require(file, "file");
    const nnunet_object_options given = read_struct(options, "object options");
    const dicom::ObjectType type = type_of(given.type);
    const FoundSeries found = target_series(*dicom, uid);
    const Array<std::uint16_t> map = labels_on(found, *labels);
    const dicom::ObjectOptions said = object_options(given, map);
    dicom::protect_sources(found, file);
    dicom::receive_object_log();
    dicom::write_object(map, found.series, said, type, file);
  });
}

}  // namespace nnunet::c_api
