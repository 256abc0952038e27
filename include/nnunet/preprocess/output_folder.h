#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/atomic_file.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"
#include "nnunet/io/file_record.h"
#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/options.h"
#include "nnunet/preprocess/parameters.h"

namespace nnunet {

/// A case whose files are in the folder, and what they were made from.
struct FinishedCase {
  CaseInfo info;
  std::vector<FileRecord> sources;  ///< image, label
};

/// The folder that preprocessed cases are written to: keeps finished cases of a former run with the same options and
/// data, makes those anew whose image or label has changed since, refuses others. Several processes may fill it, each
/// its part of the cases; config.json is written by all of them and lists what all have finished.
class OutputFolder {
 public:
  /// Looks at what is there. Throws Error when config.json records other options or data, when an image or label that
  /// the folder's parameters were collected from has changed (or is gone) since, or when there are outputs of these
  /// names without a config.json; with options.overwrite those outputs (never anything else in the folder) are
  /// removed instead. Throws Error when the folder cannot be written.
  OutputFolder(std::filesystem::path path, const PreprocessOptions& options, const std::string& task,
               const Parameters& parameters, const Dataset& dataset, const std::vector<CaseFiles>& cases);

  const std::filesystem::path& path() const { return path_; }
  /// What a former run with the same options left: its parameters.
  const std::optional<DataConfig>& former() const { return former_; }
  /// A case of this part that a former run has finished, from the same files as they are now; null: it has not.
  const FinishedCase* finished(const std::string& name) const;

  /// What a case is made from; call it before its files are read. Throws Error for a file that cannot be read.
  std::vector<FileRecord> record_sources(const CaseFiles& files) const;

  /// Writes a case's files under temporary names. Nothing stays after a failure.
  PendingFiles write_case(const std::string& name, PreprocessedCase&& item) const;
  /// Gives them their final names, y and meta first, x last: a case is finished when its x is there. Call
  /// flush_file_system before. Nothing stays after a failure.
  void publish(const std::string& name, PendingFiles& files) const;
  /// Writes config.json with all finished cases in the order of the dataset's list; returns it. own: what is known of
  /// this part's cases, by their place in that list. The last of several writers leaves a list that is complete: each
  /// looks again when it has written. Throws Error when another part works with other parameters.
  DataConfig write_config(DataConfig config, const std::vector<std::optional<FinishedCase>>& own) const;
  /// Shape of a finished case's x.
  std::vector<std::int64_t> case_shape(const std::string& name) const;

 private:
  bool has_files(const std::string& name) const;
  bool is_finished(const std::string& name, const DataConfig* listed) const;
  std::optional<DataConfig> read_recorded() const;
  std::vector<FinishedCase> finished_cases(const DataConfig* listed,
                                           const std::vector<std::optional<FinishedCase>>& own) const;
  void sort_out_listed(const Parameters& parameters);
  void refuse_if_collected(const Parameters& parameters, const CaseFiles& files, const CaseInfo& info) const;
  void sort_out_unlisted();
  std::vector<std::filesystem::path> source_files(const CaseFiles& files) const;
  /// Another part's case, from its headers; nothing when they cannot be read here: that part will list it itself.
  std::optional<FinishedCase> look_up(const CaseFiles& files) const;
  std::string options_text(const std::vector<FinishedCase>& finished) const;
  std::string difference(const DataConfig& config, const std::string& earlier_list) const;
  void remove_outputs(const std::vector<std::string>& names) const;
  void remove_case(const std::string& name) const;
  std::filesystem::path file(const std::string& name, const char* kind) const { return path_ / (name + kind); }

  std::filesystem::path path_;
  const std::vector<CaseFiles>& cases_;
  Part part_;
  bool with_label_, with_meta_;
  std::string options_;  // JSON text of the options, without the sources
  std::optional<DataConfig> former_;
  std::map<std::string, FinishedCase> kept_;  // of this part
  // Other parts' cases whose files a killed run left without listing them, and when x was written: they count when they
  // have been made anew.
  std::map<std::string, std::filesystem::file_time_type> unlisted_;
};

}  // namespace nnunet
