#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet {

/// checkpoints/epoch=<n>.ckpt.
std::filesystem::path best_checkpoint_path(const std::filesystem::path& checkpoints, std::int64_t epoch);

/// Moves entries of the folder into FOLDER/earlier-<n>, the first n that is free, and returns that.
std::filesystem::path keep_earlier(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// last.ckpt of `checkpoints` becomes epoch=<n>.ckpt too (a hard link where the file system has them, else a copy),
/// best.ckpt a symbolic link to it (a copy where there are none), and the former best is removed last: at every moment
/// a whole best checkpoint is there.
void keep_best_checkpoint(const std::filesystem::path& checkpoints, std::int64_t epoch);

/// last.ckpt becomes last.prev.ckpt too (a hard link, or a copy), before a new last.ckpt takes its place. Nothing
/// there: nothing happens.
void keep_previous_checkpoint(const std::filesystem::path& checkpoints);

/// Removes what a killed training left of files that it was writing.
void remove_torn_files(const std::filesystem::path& results);

/// A training that starts anew never destroys an earlier one: log, checkpoints and curves in `results` are moved to
/// `results/earlier-<n>`, and the log says so. Nothing there: nothing happens.
void keep_earlier_results(const std::filesystem::path& results, const std::string& logname);

/// The best checkpoints of a training that goes on as another one are moved to `results/earlier-<n>/checkpoints`, and
/// the log says so. None there: nothing happens.
void keep_earlier_best(const std::filesystem::path& results);

}  // namespace nnunet
