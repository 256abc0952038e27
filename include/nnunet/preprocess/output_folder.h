#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/atomic_file.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"
#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/options.h"
#include "nnunet/preprocess/parameters.h"

namespace nnunet {

/// The folder that preprocessed cases are written to: keeps finished cases of a former run with the same options and
/// data, refuses others.
class OutputFolder {
 public:
  /// Looks at what is there. Throws Error when config.json records other options or data, or when there are outputs of
  /// these names without a config.json; with options.overwrite those outputs (never anything else in the folder) are
  /// removed instead. Throws Error when the folder cannot be written.
  OutputFolder(std::filesystem::path path, const PreprocessOptions& options, const std::string& task,
               const Parameters& parameters, const Dataset& dataset, const std::vector<CaseFiles>& cases);

  const std::filesystem::path& path() const { return path_; }
  /// What a former run with the same options left: parameters and finished cases.
  const std::optional<DataConfig>& former() const { return former_; }

  /// Writes a case's files under temporary names. Nothing stays after a failure.
  PendingFiles write_case(const std::string& name, PreprocessedCase&& item) const;
  /// Gives them their final names, y and meta first, x last: a case is finished when its x is there. Call
  /// flush_file_system before. Nothing stays after a failure.
  void publish(const std::string& name, PendingFiles& files) const;
  /// Writes config.json with these finished cases (in the order of the dataset's list).
  void write_config(DataConfig config) const;
  /// Shape of a finished case's x.
  std::vector<std::int64_t> case_shape(const std::string& name) const;

 private:
  bool is_finished(const std::string& name) const;
  std::string source_hash(const std::vector<CaseInfo>& finished) const;
  std::string options_text(const std::vector<CaseInfo>& finished) const;
  std::string difference(const DataConfig& config) const;
  void remove_outputs(const std::vector<std::string>& names) const;
  void remove_case(const std::string& name) const;
  std::filesystem::path file(const std::string& name, const char* kind) const { return path_ / (name + kind); }

  std::filesystem::path path_;
  const std::vector<CaseFiles>& cases_;
  bool with_label_, with_meta_;
  std::string options_;  // JSON text of the options, without the sources
  std::optional<DataConfig> former_;
};

}  // namespace nnunet
