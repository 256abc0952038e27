#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/io/folder_lock.h"
#include "nnunet/v2/splits.h"

namespace nnunet {

/// Checkpoints of a fold's folder (contract-v2-run, section 1).
class V2FoldFolder {
 public:
  static constexpr const char *kFinal = "checkpoint_final.pth", *kLatest = "checkpoint_latest.pth",
                              *kBest = "checkpoint_best.pth";

  explicit V2FoldFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

  /// What --c goes on from: the final checkpoint, else the latest, else the best.
  std::optional<std::filesystem::path> newest() const;
  /// Throws Error where there is none: --val needs the final one, --val_best the best one.
  std::filesystem::path required(const std::string& name) const;

  /// Makes the folder. What killed processes left of files is removed.
  void prepare() const;
  /// Moves an earlier training's files to earlier-<n>, and the log says so. Nothing there: nothing happens.
  void keep_earlier() const;
  void remove_latest() const;

 private:
  std::filesystem::path folder_;
};

/// Keeps it for one training. Throws Error naming the holder when another process has it.
std::unique_ptr<FolderLock> lock_of(const V2FoldFolder& folder);

/// What this program notes in its checkpoints of the training that they belong to.
struct V2TrainingNote {
  std::uint64_t seed = 1;
  std::int64_t iterations = 250, batch_size = 2;
  v2::Split split;
};
/// To stand beside the running epoch in V2Checkpoint::own.
Value::Dict note_value(const V2TrainingNote& note);
/// Compares with the note in a checkpoint: Error for other cases (source, problem, remedy). Returns what else differs,
/// so that an epoch that was running cannot go on from its middle: a sentence each. Files of nnU-Net have no note.
std::vector<std::string> compare_note(const Value& own, const V2TrainingNote& now, const std::string& source);
/// Those of the cases that a checkpoint was trained on, by its note; none where it has no note.
std::vector<std::string> trained_on(const Value& own, const std::vector<std::string>& cases, const std::string& source);

}  // namespace nnunet
