#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/dicom/codes.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/io/json_reading.h"

namespace nnunet::dicom {
namespace {

using nlohmann::json;

constexpr const char* kRemedy = "see docs/dicom-out.md for an example";
constexpr int kLargestValue = 65535;

/// The number that a text consists of, or -1.
int whole_number(const std::string& text) {
  int value = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && end == text.data() + text.size() ? value : -1;
}

Code read_code(const JsonFields& fields) {
  fields.allow_only({"value", "scheme", "meaning"});
  Code code{fields.text("value"), fields.text("scheme"), fields.text("meaning")};
  for (const auto& [key, text, most] :
       {std::tuple{"value", &code.value, 64U}, {"scheme", &code.scheme, 16U}, {"meaning", &code.meaning, 64U}})
    if (text->empty() || text->size() > most) fields.fail(key, fmt::format("has not 1 to {} letters", most));
  return code;
}

std::optional<Code> read_optional_code(const JsonFields& fields, const std::string& key) {
  if (!fields.has(key)) return {};
  return read_code(fields.object(key));
}

/// "#e69f00"
std::array<std::uint8_t, 3> read_colour(const JsonFields& fields) {
  const std::string text = fields.text("colour");
  unsigned rgb = 0;
  const auto [end, code] =
      std::from_chars(text.data() + std::min<std::size_t>(1, text.size()), text.data() + text.size(), rgb, 16);
  if (text.size() != 7 || text[0] != '#' || code != std::errc{} || end != text.data() + text.size())
    fields.fail("colour", "is no colour like \"#e69f00\"");
  return {static_cast<std::uint8_t>(rgb >> 16U), static_cast<std::uint8_t>(rgb >> 8U & 255U),
          static_cast<std::uint8_t>(rgb & 255U)};
}

std::optional<Structure> read_structure(const JsonFields& fields) {
  if (!fields.has("type")) {
    for (const char* key : {"category", "modifier", "region", "region_side"})
      if (fields.has(key)) fields.fail(key, "needs \"type\" beside it");
    return {};
  }
  Structure structure{.category = {"91723000", "SCT", "Anatomical Structure"},
                      .type = read_code(fields.object("type"))};
  if (const auto category = read_optional_code(fields, "category")) structure.category = *category;
  structure.modifier = read_optional_code(fields, "modifier");
  structure.region = read_optional_code(fields, "region");
  structure.region_side = read_optional_code(fields, "region_side");
  if (structure.region_side && !structure.region) fields.fail("region_side", "needs \"region\" beside it");
  return structure;
}

Segment read_segment(const JsonFields& fields) {
  fields.allow_only({"name", "category", "type", "modifier", "region", "region_side", "colour"});
  Segment segment{.name = fields.text("name"), .structure = read_structure(fields)};
  if (segment.name.empty()) fields.fail("name", "is empty");
  if (fields.has("colour")) segment.colour = read_colour(fields);
  return segment;
}

/// One entry: "1": "liver" or "1": {..} of MSD and of this program, "liver": 1 of nnU-Net v2.
Segment read_entry(const JsonFields& all, const std::string& key, const json& entry) {
  Segment segment;
  if (entry.is_number_integer()) {
    segment = {.value = static_cast<int>(all.whole(key, 0, kLargestValue)), .name = key};
  } else {
    if (entry.is_string())
      segment.name = entry.get<std::string>();
    else if (entry.is_object())
      segment = read_segment(all.object(key));
    else
      all.fail(key, entry.is_array() ? "is a region of several labels: list the values of the label map instead"
                                     : "is neither a name nor an object");
    segment.value = whole_number(key);
    if (segment.value < 0 || segment.value > kLargestValue)
      all.fail(key, fmt::format("is no value of a label map, 0 to {}", kLargestValue));
  }
  if (segment.name.empty()) all.fail(key, "has an empty name");
  return segment;
}

std::vector<Segment> segments_of(const json& root, const std::string& name) {
  const JsonFields top(root, name, kRemedy);
  const bool dataset = top.has("labels");
  const JsonFields entries = dataset ? top.object("labels") : top;
  std::map<int, Segment> segments;
  for (const auto& [key, entry] : (dataset ? root.at("labels") : root).items()) {
    Segment segment = read_entry(entries, key, entry);
    if (segment.value == 0) continue;
    if (!segments.emplace(segment.value, segment).second)
      entries.fail(key, fmt::format("gives the value {} again", segment.value));
  }
  if (segments.empty()) throw Error(name, "names no label beside the background", kRemedy);
  std::vector<Segment> list;
  for (auto& [value, segment] : segments) list.push_back(std::move(segment));
  return list;
}

}  // namespace

std::vector<Segment> read_segments(const std::filesystem::path& file) {
  return segments_of(read_json(file), file.string());
}

std::vector<Segment> parse_segments(std::string_view text, const std::string& name) {
  return segments_of(parse_json(text, name), name);
}

std::vector<Segment> named_segments(const std::vector<NamedValue>& values) {
  std::vector<Segment> segments;
  for (const auto& [value, name] : values)
    segments.push_back({.value = value, .name = name.empty() ? fmt::format("label {}", value) : name});
  return segments;
}

std::vector<NamedValue> unnamed_values(const Array<std::uint16_t>& labels) {
  std::vector<NamedValue> values;
  for (const std::uint16_t value : std::set<std::uint16_t>(labels.values.begin(), labels.values.end()))
    if (value != 0) values.push_back({value, ""});
  if (values.empty()) values.push_back({1, ""});
  return values;
}

}  // namespace nnunet::dicom
