#include "nnunet/infer/predict_bids.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/core/some_names.h"
#include "nnunet/core/version.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/plan/label_names.h"
#include "nnunet/report/label_colour.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kProgram = "nnunet";
constexpr const char* kVersion = "1.10.0";  // of BIDS, whose rules for derivatives these names follow

void check_channels(const Predictor& predictor, const BidsSelection& selection) {
  const auto wanted = static_cast<std::size_t>(predictor.model().channels());
  if (selection.channels.size() != wanted)
    throw Error("--bids", fmt::format("names {} of the network's {} channels", selection.channels.size(), wanted),
                "give the suffix of each channel's files, in the order of training (nnunet info MODEL names them)");
}

void check_outputs(const ImagePredictionOptions& o) {
  if (o.save_probabilities || o.overlays)
    throw Error("--bids", "makes label maps only, for which BIDS has names",
                "leave out --save_probabilities and --overlays, or segment a folder of images without --bids");
  if (!o.format.is_nifti())
    throw Error("--bids", fmt::format("takes NIfTI images, but those of the model end in {}", o.format.ending),
                "convert the images, and predict without --bids");
  if (is_file_output(o.output, o.format))
    throw Error("--output", "is a file", "name the derivative's folder, such as DATASET/derivatives/nnunet");
  if (lies_inside(o.output, o.input) &&
      (!lies_inside(o.output, o.input / "derivatives") || lies_inside(o.input / "derivatives", o.output)))
    throw Error(o.output.string(), "lies inside the dataset",
                "give a folder of its own, such as DATASET/derivatives/nnunet");
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Nothing is written where the file is so already.
void write_if_other(const fs::path& path, const std::string& text) {
  if (!fs::exists(path) || read_text(path) != text) write_text(path, text);
}

/// Who says that he made the derivative that is there.
std::vector<std::string> makers(const nlohmann::json& description) {
  std::vector<std::string> names;
  const auto list = description.is_object() ? description.value("GeneratedBy", nlohmann::json()) : nlohmann::json();
  for (const auto& maker : list.is_array() ? list : nlohmann::json::array())
    if (maker.is_object() && maker.contains("Name") && maker["Name"].is_string()) names.push_back(maker["Name"]);
  return names;
}

void write_description(const ImagePredictionOptions& o) {
  const fs::path path = o.output / "dataset_description.json";
  if (fs::exists(path)) {
    const auto names = makers(read_json(path));
    if (std::ranges::find(names, kProgram) == names.end())
      throw Error(path.string(),
                  names.empty() ? "does not say who made this folder" : "describes what " + some_names(names) + " made",
                  "choose another --output, a folder for these label maps alone");
  }
  const fs::path raw = fs::relative(fs::canonical(o.input), fs::weakly_canonical(fs::absolute(o.output)));
  const Json description{
      {"Name", "Label maps by nnunet"},
      {"BIDSVersion", kVersion},
      {"DatasetType", "derivative"},
      {"DatasetLinks", {{"raw", raw.generic_string()}}},
      {"GeneratedBy",
       {{{"Name", kProgram},
         {"Version", program_version()},
         {"Description",
          "nnunet predict --bids; .nnunet beside the label maps says with which network and options "
          "each was made"}}}},
  };
  write_if_other(path, text_of(description));
}

/// Tabs and line ends would make other columns and rows.
std::string cell(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

std::string label_name(const Predictor& predictor, const NamedValue& label) {
  const auto& names = predictor.data().labels;
  const auto at = static_cast<std::size_t>(label.value);
  if (!label.name.empty()) return label.name;
  const bool by_class = predictor.model().labels.decision == LabelDecision::argmax;
  return by_class && at < names.size() && !names[at].empty() ? names[at] : fmt::format("label {}", label.value);
}

void write_labels(const Predictor& predictor, const fs::path& output) {
  const auto labels = named_values(predictor.model().labels);
  const int n_class = labels.empty() ? 1 : labels.back().value + 1;
  std::string table = "index\tname\tcolor\n0\tbackground\t#000000\n";
  for (const NamedValue& label : labels)
    table += fmt::format("{}\t{}\t#{:06x}\n", label.value, cell(label_name(predictor, label)),
                         label_colour(label.value, n_class));
  write_if_other(output / "dseg.tsv", table);
}

/// What records lie in is no part of the dataset.
void write_ignored(const fs::path& output) {
  write_if_other(output / ".bidsignore", "**/.nnunet/\n.nnunet/\n");
}

fs::path sources_path(const ImageCase& c, const fs::path& output) {
  return output / (c.name + ".json");
}

/// Beside each label map that is there, those of earlier runs included.
void write_sources(const std::vector<ImageCase>& cases, const ImagePredictionOptions& o) {
  for (const ImageCase& c : cases) {
    if (!fs::exists(label_output(c, o.output, o.format))) continue;
    Json sources = Json::array();
    for (const fs::path& file : c.channels)
      sources.push_back("bids:raw:" + file.lexically_relative(o.input).generic_string());
    write_if_other(sources_path(c, o.output), text_of({{"Manual", false}, {"Sources", sources}}));
  }
}

}  // namespace

ImagePredictionResult predict_bids(Predictor& predictor, const BidsSelection& selection,
                                   const ImagePredictionOptions& options) {
  check_outputs(options);
  check_channels(predictor, selection);
  auto cases = list_bids_cases(options.input, selection);
  for (ImageCase& c : cases)
    if (!options.previous_stage.empty()) c.previous = label_output(c, options.previous_stage, options.format);
  protect_inputs(cases, {}, options.output, options.format);
  require_writable_folder(options.output);
  write_description(options);
  write_labels(predictor, options.output);
  write_ignored(options.output);
  const auto result = predict_images(predictor, cases, options);
  write_sources(options.part.own(cases), options);
  return result;
}

}  // namespace nnunet
