#include "prediction_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "file_digest.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// Everything that changes the numbers (the batch size and the device do not, beyond rounding).
nlohmann::ordered_json make_record(const PreprocessedFolder& folder, const Predictor& predictor,
                                   const FolderPredictionOptions& options) {
  nlohmann::ordered_json record;
  record["checkpoints"] = nlohmann::ordered_json::array();
  for (const fs::path& path : options.checkpoints)
    record["checkpoints"].push_back(fmt::format("{:016x}", file_digest(path)));
  record["data"] = folder.path().string();
  record["dim"] = predictor.plan().dim;
  record["fold"] = options.fold;
  record["nfolds"] = options.nfolds;
  record["precision"] = precision_name(predictor.precision());
  const WindowOptions& windows = predictor.windows();
  record["patch_size"] = windows.patch_size;
  record["overlap"] = windows.overlap;
  record["blend"] = windows.blend == Blend::gaussian ? "gaussian" : "constant";
  record["tta"] = windows.tta;
  return record;
}

std::vector<fs::path> predictions_in(const fs::path& output) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(output))
    if (entry.path().extension() == ".npy") files.push_back(entry.path());
  return files;
}

/// The first entry in which the records differ; "" when they agree.
std::string first_difference(const nlohmann::ordered_json& found, const nlohmann::ordered_json& wanted) {
  if (!found.is_object()) return "record";
  for (const auto& [key, value] : wanted.items())
    if (!found.contains(key) || found[key] != value) return key;
  return "";
}

}  // namespace

void open_prediction_folder(const fs::path& output, const PreprocessedFolder& folder, const Predictor& predictor,
                            const FolderPredictionOptions& options) {
  require_writable_folder(output);
  const fs::path file = output / "predictions.json";
  const auto wanted = make_record(folder, predictor, options);
  const auto old = predictions_in(output);
  const bool recorded = fs::exists(file);
  std::string what;
  if (recorded) {
    const auto found = nlohmann::ordered_json::parse(read_text(file), nullptr, false);
    what = found.is_discarded() ? "record" : first_difference(found, wanted);
  } else if (!old.empty()) {
    what = "record (it has none)";
  }
  if (what.empty() && recorded && !options.overwrite) return;
  if (!what.empty() && !options.overwrite)
    throw Error(output.string(), fmt::format("holds predictions made with another {}", what),
                "give --overwrite to replace them, or another --results");
  for (const fs::path& path : old) fs::remove(path);
  write_text(file, wanted.dump(2) + "\n");
}

}  // namespace nnunet
