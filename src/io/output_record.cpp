#include "nnunet/io/output_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/earlier_digest.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kVersion = 1;  ///< another one makes all outputs anew: count on when the same input gives other numbers
constexpr const char* kFolder = ".nnunet";
constexpr const char* kRemedy = "have it overwritten, or choose another output";

std::string stem_of(const fs::path& output) {
  return is_nifti_name(output) ? nifti_stem(output) : output.stem().string();
}

/// map.nii and map.nii.gz would have one record.
std::string suffix_of(const fs::path& output) {
  return output.filename().string().substr(stem_of(output).size());
}

fs::path folder_of(const fs::path& output) {
  return output.has_parent_path() ? output.parent_path() : fs::path(".");
}

/// Whether the file is as it was when it was recorded.
bool is_as_made(const fs::path& path, const OutputRecord& record) {
  if (!is_earlier_digest(record.output)) return digest_of_file(path) == record.output;
  const std::string content = read_text(path, static_cast<std::size_t>(-1));
  return fmt::format("{:016x}", earlier_digest(std::as_bytes(std::span(content)))) == record.output;
}

/// Throws json::exception for what is no record.
OutputRecord from_json(const json& object) {
  OutputRecord record;
  record.made_with = object.at("made with");
  for (const json& text : object.at("sources")) {
    const auto source = parse_file_record(text);
    if (!source) throw json::other_error::create(0, "no file record", nullptr);
    record.sources.push_back(*source);
  }
  record.output = object.at("content").get<std::string>();
  record.extras = object.value("extras", std::vector<std::string>());
  return record;
}

/// Whether these are digests of networks as earlier versions took them: which ones they were cannot be told.
bool is_of_earlier_version(const json& networks) {
  return networks.is_array() && !networks.empty() && networks[0].is_string() &&
         is_earlier_digest(networks[0].get<std::string>());
}

/// A record that came with a folder from elsewhere must not make us remove anything else.
bool is_extra_name(const fs::path& extra, const fs::path& output) {
  const bool below = extra.is_relative() && std::ranges::find(extra, fs::path("..")) == extra.end();
  const std::string ending = extra.extension().string();
  return below && extra.stem() == stem_of(output) &&
         (ending == ".npy" || ending == ".npz" || ending == ".pkl" || ending == ".png");
}

/// Sorts out a label map that is there: empty when it can be kept, else why not.
std::string why_anew(const fs::path& map, const ImageCase& c, const json& made_with,
                     const std::vector<std::string>& extras) {
  const auto record = read_output_record(map);
  if (!record) throw Error(map.string(), "is there already, without a record of what it was made from", kRemedy);
  std::string why = output_difference(map, *record, made_with, c.sources());
  const auto made = [&](const std::string& extra) {
    return std::ranges::find(record->extras, extra) != record->extras.end() && fs::exists(folder_of(map) / extra);
  };
  if (why.empty() && !std::ranges::all_of(extras, made)) why = "it lacks its overlay or probabilities";
  if (!why.empty() && !is_as_made(map, *record))
    throw Error(map.string(), fmt::format("has been edited since it was made, and cannot be kept: {}", why), kRemedy);
  return why;
}

}  // namespace

fs::path record_path(const fs::path& output) {
  return folder_of(output) / kFolder / (stem_of(output) + ".json");
}

std::optional<OutputRecord> read_output_record(const fs::path& output) {
  try {
    const json object = read_json(record_path(output));
    if (object.at("suffix") != json(suffix_of(output))) return std::nullopt;
    OutputRecord record = from_json(object);
    if (object.at("version") != kVersion) record.made_with = json::object();
    return record;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void forget_output(const fs::path& output) {
  std::vector<fs::path> files{output};
  if (const auto record = read_output_record(output))
    for (const fs::path extra : record->extras)
      if (is_extra_name(extra, output)) files.push_back(folder_of(output) / extra);
  for (const fs::path& file : files) {
    std::error_code failure;
    fs::remove(file, failure);
    if (failure) throw Error(file.string(), "cannot be replaced: " + failure.message(), "check its permissions");
  }
}

void write_output_record(const fs::path& output, const OutputRecord& record) {
  json object{{"version", kVersion},
              {"suffix", suffix_of(output)},
              {"made with", record.made_with},
              {"sources", json::array()},
              {"content", record.output}};
  for (const FileRecord& source : record.sources) object["sources"].push_back(record_text(source));
  if (!record.extras.empty()) object["extras"] = record.extras;
  write_text(record_path(output), object.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

void remove_output_record(const fs::path& output) {
  std::error_code failure;
  fs::remove(record_path(output), failure);
  if (failure && failure != std::errc::not_a_directory)
    throw Error(record_path(output).string(), "cannot be removed: " + failure.message(), "check its permissions");
}

std::string first_difference(const json& recorded, const json& now) {
  if (!recorded.is_object()) return "how it was made is not known";
  for (const auto& [key, value] : now.items()) {
    const json there = recorded.value(key, json());
    if (there == value) continue;
    if (key == "networks")
      return is_of_earlier_version(there) ? "an earlier version made it" : "another network made it";
    return fmt::format("{} was {}, now {}", key, there.dump(), value.dump());
  }
  return recorded.size() == now.size() ? "" : "it was made with options that are not known here";
}

std::string output_difference(const fs::path& output, OutputRecord record, const json& made_with,
                              const std::vector<fs::path>& sources) {
  if (made_with.empty()) return "the network that would make it now is not known";
  if (std::string what = first_difference(record.made_with, made_with); !what.empty()) return what;
  if (record.sources.size() != sources.size()) return "it was made from another number of files";
  const std::int64_t made = time_of_change(output);
  bool copied = false;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto now = unchanged(sources[i], record.sources[i], made);
    if (!now) return "what it was made from has changed";
    copied = copied || *now != record.sources[i];
    record.sources[i] = *now;
  }
  if (copied) write_output_record(output, record);
  return {};
}

std::vector<ImageCase> choose_open_cases(const std::vector<ImageCase>& all, const fs::path& output,
                                         const json& made_with, bool overwrite,
                                         const std::function<std::vector<std::string>(const ImageCase&)>& extras,
                                         const ImageFormat& format) {
  std::vector<ImageCase> open;
  std::map<std::string, std::vector<std::string>> anew;  // by reason
  for (const ImageCase& c : all) {
    const fs::path map = label_output(c, output, format);
    if (!overwrite && c.problem.empty() && fs::exists(map)) {
      const std::string why = why_anew(map, c, made_with, extras ? extras(c) : std::vector<std::string>());
      if (why.empty()) continue;
      anew[why].push_back(c.name);
    }
    open.push_back(c);
  }
  for (const auto& [why, names] : anew)
    log::warn(fmt::format("{} label map{} made anew, since {}: {}", names.size(), names.size() == 1 ? " is" : "s are",
                          why, some_names(names)));
  if (const std::size_t kept = all.size() - open.size(); kept > 0)
    log::info(fmt::format("{} of {} images have their output already; overwriting makes them anew", kept, all.size()));
  return open;
}

void remove_record_leftovers(const std::vector<fs::path>& outputs) {
  std::map<fs::path, std::set<std::string>> names;  // by folder
  for (const fs::path& output : outputs) {
    const fs::path record = record_path(output);
    names[record.parent_path()].insert(record.filename().string());
  }
  for (const auto& [folder, own] : names) remove_leftovers(folder, own);
}

void write_recorded(const fs::path& output, std::span<const std::byte> file, OutputRecord record) {
  record.output = digest_of(file);
  write_output_record(output, record);
  write_file(output, file);
}

}  // namespace nnunet
