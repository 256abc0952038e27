#include "case_record.h"

#include <fmt/format.h>

#include <array>

#include "nnunet/core/error.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/io/json_reading.h"

namespace nnunet::case_store {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

using Affine = std::array<std::array<double, 4>, 4>;

constexpr std::int64_t kMostWhole = std::int64_t{1} << 53;

json reader_to_json(const ReaderProperties& reader) {
  json object{{"spacing", reader.spacing}};
  if (const auto& itk = reader.itk) {
    object["itk"] = {{"spacing", itk->spacing}, {"origin", itk->origin}, {"direction", itk->direction}};
    if (itk->original_orientation) object["itk"]["original orientation"] = *itk->original_orientation;
  }
  if (const auto& nibabel = reader.nibabel) {
    object["nibabel"] = {{"original affine", nibabel->original_affine}};
    if (nibabel->reoriented_affine) object["nibabel"]["reoriented affine"] = *nibabel->reoriented_affine;
  }
  return object;
}

template <std::size_t kSize>
std::array<double, kSize> reals(const JsonFields& fields, const std::string& key) {
  const std::vector<double> values = fields.reals(key);
  if (values.size() != kSize) fields.fail(key, fmt::format("has {} numbers, not {}", values.size(), kSize));
  std::array<double, kSize> result{};
  std::ranges::copy(values, result.begin());
  return result;
}

Shape3 shape(const JsonFields& fields, const std::string& key) {
  const std::vector<std::int64_t> values = fields.wholes(key, 0, kMostWhole);
  if (values.size() != 3) fields.fail(key, fmt::format("has {} numbers, not 3", values.size()));
  return {values[0], values[1], values[2]};
}

Affine affine(const JsonFields& fields, const std::string& key) {
  try {
    return fields.at(key).get<Affine>();
  } catch (const json::exception&) {
    fields.fail(key, "is no matrix of 4 rows of 4 numbers");
  }
}

ReaderProperties reader_from_json(const JsonFields& fields) {
  ReaderProperties reader;
  reader.spacing = reals<3>(fields, "spacing");
  if (fields.has("itk")) {
    const JsonFields itk = fields.object("itk");
    auto& made =
        reader.itk.emplace(ReaderProperties::Itk{itk.reals("spacing"), itk.reals("origin"), itk.reals("direction")});
    if (itk.has("original orientation")) made.original_orientation = itk.text("original orientation");
  }
  if (fields.has("nibabel")) {
    const JsonFields nibabel = fields.object("nibabel");
    auto& made = reader.nibabel.emplace(ReaderProperties::Nibabel{affine(nibabel, "original affine")});
    if (nibabel.has("reoriented affine")) made.reoriented_affine = affine(nibabel, "reoriented affine");
  }
  return reader;
}

StoredOrigin origin_from_json(const JsonFields& fields) {
  StoredOrigin origin;
  origin.grid.original = shape(fields, "original");
  origin.grid.crop_start = shape(fields, "crop start");
  origin.grid.crop_end = shape(fields, "crop end");
  origin.grid.spacing = reals<3>(fields, "spacing");
  const auto axes = fields.wholes("transpose", 0, 2);
  if (axes.size() != 3) fields.fail("transpose", "has not 3 axes");
  for (std::size_t i = 0; i < 3; ++i) {
    origin.grid.transpose[i] = static_cast<int>(axes[i]);
    if (origin.grid.crop_start[i] >= origin.grid.crop_end[i] || origin.grid.crop_end[i] > origin.grid.original[i])
      fields.fail("crop end", "does not lie within the image");
  }
  origin.reader = reader_from_json(fields.object("reader"));
  return origin;
}

json origin_to_json(const StoredOrigin& origin) {
  const PreprocessedCase& grid = origin.grid;
  return {{"original", grid.original}, {"crop start", grid.crop_start}, {"crop end", grid.crop_end},
          {"spacing", grid.spacing},   {"transpose", grid.transpose},   {"reader", reader_to_json(origin.reader)}};
}

}  // namespace

fs::path records_folder(const fs::path& store) {
  return store / ".nnunet" / "cases";
}

fs::path record_path(const fs::path& store, const std::string& name) {
  return records_folder(store) / (name + ".json");
}

std::string json_text(const CaseRecord& record) {
  json sources = json::array(), locations = json::array();
  for (const FileRecord& source : record.sources) sources.push_back(nnunet::record_text(source));
  for (const LocationCount& one : record.locations) locations.push_back({{"labels", one.labels}, {"count", one.count}});
  const json object{{"version", record.version},
                    {"made with", record.made_with},
                    {"sources", std::move(sources)},
                    {"locations", std::move(locations)},
                    {"origin", origin_to_json(record.origin)}};
  return object.dump(1) + "\n";
}

CaseRecord read_record(const fs::path& store, const std::string& name) {
  const fs::path file = record_path(store, name);
  const json object = read_json(file);
  const JsonFields fields(object, file.string(), kRemedy);
  CaseRecord record;
  record.version = static_cast<int>(fields.whole("version", 1, 1 << 20));
  if (record.version != kVersion) fields.fail("version", fmt::format("is {}, known is {}", record.version, kVersion));
  record.made_with = fields.at("made with");
  for (const std::string& text : fields.texts("sources")) {
    const auto source = parse_file_record(text);
    if (!source) fields.fail("sources", "holds what is no record of a file");
    record.sources.push_back(*source);
  }
  for (const JsonFields& one : fields.objects("locations")) {
    LocationCount& count = record.locations.emplace_back();
    for (const std::int64_t label : one.wholes("labels", -1, 65535)) count.labels.push_back(static_cast<int>(label));
    count.count = static_cast<std::size_t>(one.whole("count", 0, kMostWhole));
  }
  record.origin = origin_from_json(fields.object("origin"));
  return record;
}

std::optional<CaseRecord> find_record(const fs::path& store, const std::string& name) {
  try {
    return read_record(store, name);
  } catch (const Error&) {
    return std::nullopt;
  }
}

fs::path list_file(const fs::path& store) {
  return store / ".nnunet" / "store.json";
}

std::string json_text(const StoreList& list) {
  const json object{{"version", list.version}, {"made with", list.made_with}, {"cases", list.cases}};
  return object.dump(1) + "\n";
}

StoreList read_list(const fs::path& store) {
  const json object = read_json(list_file(store));
  const JsonFields fields(object, list_file(store).string(), kRemedy);
  StoreList list;
  list.version = static_cast<int>(fields.whole("version", 1, 1 << 20));
  list.made_with = fields.at("made with");
  list.cases = fields.texts("cases");
  return list;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace nnunet::case_store
