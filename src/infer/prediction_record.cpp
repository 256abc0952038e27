#include "prediction_record.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_reading.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json make_record(const PreprocessedFolder& folder, const Predictor& predictor, const FolderPredictionOptions& options) {
  json record = json::parse(predictor.made_with());
  record["data"] = folder.path().string();
  record["dim"] = predictor.plan().dim;
  record["fold"] = options.fold;
  record["nfolds"] = options.nfolds;
  return record;
}

std::vector<fs::path> predictions_in(const fs::path& output) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(output))
    if (entry.path().extension() == ".npy") files.push_back(entry.path());
  return files;
}

/// Why the predictions that are there cannot be gone on with; "" when they can.
std::string difference(const fs::path& file, const std::vector<fs::path>& old, const json& wanted) {
  if (fs::exists(file)) {
    json found;
    try {
      found = read_json(file);
    } catch (const Error&) {  // broken: no object
    }
    if (std::string what = first_difference(found, wanted); !what.empty()) return what;
  }
  for (const fs::path& path : old)
    if (!read_output_record(path)) return path.filename().string() + " has no record of what it was made from";
  return {};
}

}  // namespace

PredictionRecords::PredictionRecords(fs::path output, const PreprocessedFolder& folder, const Predictor& predictor,
                                     const FolderPredictionOptions& options)
    : output_(std::move(output)), folder_(folder), made_with_(make_record(folder, predictor, options)) {
  require_writable_folder(output_);
  const fs::path file = output_ / "predictions.json";
  const auto old = predictions_in(output_);
  if (!options.overwrite) {
    if (const std::string what = difference(file, old, made_with_); !what.empty())
      throw Error(output_.string(), "holds predictions made otherwise: " + what,
                  "give --overwrite to replace them, or another --results");
  } else {
    for (const fs::path& path : old) fs::remove(path);
  }
  const std::string text = made_with_.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  std::error_code absent;
  if (!fs::exists(file, absent) || read_text(file) != text) write_text(file, text);
}

json PredictionRecords::made_with(const std::string& name) const {
  json own = made_with_;
  own.erase("data");  // its files have records of their own
  const CaseInfo* info = folder_.config().find_case(name);
  own["spacing"] = info != nullptr ? json(info->spacing) : json();
  return own;
}

std::vector<fs::path> PredictionRecords::sources(const std::string& name) const {
  std::vector<fs::path> files{folder_.path() / (name + "_x.npy")};
  if (const fs::path meta = folder_.path() / (name + "_meta.npy"); fs::exists(meta)) files.push_back(meta);
  return files;
}

std::string PredictionRecords::why_anew(const std::string& name) const {
  const auto record = read_output_record(file(name));
  if (!record) return "there is no record of what it was made from";
  return output_difference(file(name), *record, made_with(name), sources(name));
}

OutputRecord PredictionRecords::begin(const std::string& name) const {
  forget_output(file(name));
  OutputRecord record{made_with(name), {}};
  for (const fs::path& source : sources(name)) record.sources.push_back(record_file(source));
  return record;
}

}  // namespace nnunet
