#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "nnunet/checkpoint/checkpoint.h"
#include "resume_check.h"

namespace nnunet {

/// What is continued, and how it differs from what it is continued as.
struct Resumed {
  std::string source;  ///< empty: nothing
  std::optional<Checkpoint> checkpoint;
  ResumeCheck check;
};

/// What --resume_training continues: last.ckpt of `checkpoints`, last.prev.ckpt where that one cannot be read, else
/// --ckpt_path; nothing where none of them is there. Throws Error, and has changed nothing by then, for files that
/// cannot be read, another network, and what is another training (ResumeCheck::refused) unless options.force_resume.
Resumed find_resumed(const TrainOptions& options, const std::filesystem::path& checkpoints, const NetworkPlan& plan,
                     const DataConfig& data, const TrainingRecord& now);

/// Logs a line for each difference: what was refused and forced first.
void report_differences(const Resumed& resumed);

/// "3 of the validation cases are among what SOURCE was trained on (a, b, c): their Dice would be too good".
std::string leaked_text(const std::vector<std::string>& cases, const std::string& source);

}  // namespace nnunet
