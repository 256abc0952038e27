#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"
#include "nnunet/infer/predict_folder.h"
#include "nnunet/io/output_record.h"

namespace nnunet {

/// What the predictions of a preprocessed folder were made with: predictions.json for all of them, and for each case a
/// record of its preprocessed files (output_record.h).
class PredictionRecords {
 public:
  /// Makes the output folder ready. A folder made with the same network and options is gone on with; one made
  /// otherwise, or with predictions that have no record, is refused unless options.overwrite, which removes its
  /// predictions. Throws Error. folder must outlive this.
  PredictionRecords(std::filesystem::path output, const PreprocessedFolder& folder, const Predictor& predictor,
                    const FolderPredictionOptions& options);

  std::filesystem::path file(const std::string& name) const { return output_ / (name + ".npy"); }
  /// Why the case's prediction that is there cannot be kept; empty: it can.
  std::string why_anew(const std::string& name) const;
  /// Removes an old prediction; returns the record to write before the new one gets its name. Call it before the
  /// preprocessed files are read.
  OutputRecord begin(const std::string& name) const;

 private:
  nlohmann::json made_with(const std::string& name) const;
  std::vector<std::filesystem::path> sources(const std::string& name) const;

  std::filesystem::path output_;
  const PreprocessedFolder& folder_;
  nlohmann::json made_with_;
};

}  // namespace nnunet
