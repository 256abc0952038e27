#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/atomic_file.h"
#include "nnunet/io/file_record.h"
#include "nnunet/io/folder_lock.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/class_locations.h"

namespace nnunet {

/// A case to be made, and the files that it is made from.
struct CaseSources {
  std::string name;
  std::vector<std::filesystem::path> files;
};

/// Writes the folder of a CaseStore. It keeps what a former run has finished with the same settings from the same
/// files, removes what no longer fits and was made by this program, and touches nothing else. One process at a time: it
/// holds a lock.
class CaseStoreWriter {
 public:
  /// made_with: an object with all that decides about the cases beside their files. Says in the log what is made anew,
  /// and why. Throws Error: a folder that cannot be written, or that another process or a later version writes.
  CaseStoreWriter(std::filesystem::path folder, nlohmann::json made_with, const std::vector<CaseSources>& cases);

  const std::filesystem::path& folder() const { return folder_; }
  /// Whether the case is there and need not be made.
  bool finished(const std::string& name) const { return finished_.at(name); }
  /// Throws Error for a case whose files cannot be written: its name is none, or files of its names are there that this
  /// program did not make.
  void require_free(const std::string& name) const;

  /// Writes a case's files under temporary names. sources: record_file of each of its files, taken before they were
  /// read. Nothing stays after a failure. From any thread.
  PendingFiles write(const std::string& name, PreprocessedCase&& item, const std::vector<ClassLocations>& locations,
                     const ReaderProperties& reader, const std::vector<FileRecord>& sources) const;
  /// Gives them their final names, the image last: it means that the case is finished. Call flush_file_system before.
  void publish(const std::string& name, PendingFiles& files) const;

 private:
  std::string why_anew(const CaseSources& c) const;
  bool has_foreign_files(const std::string& name) const;
  void remove_case(const std::string& name) const;
  void remove_others(const std::vector<CaseSources>& cases) const;
  void sort_out(const std::vector<CaseSources>& cases);

  std::filesystem::path folder_;
  nlohmann::json made_with_;
  std::map<std::string, bool> finished_;
  std::optional<FolderLock> lock_;
};

}  // namespace nnunet
