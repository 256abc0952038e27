#include "resume_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

Checkpoint load_training(const fs::path& path) {
  Checkpoint checkpoint = load_checkpoint(path);
  if (checkpoint.training.is_none())
    throw Error(path.string(), "the checkpoint holds no training to continue", "give it as --ckpt_path instead");
  return checkpoint;
}

Resumed checked(const std::string& source, Checkpoint checkpoint, const TrainOptions& options, const NetworkPlan& plan,
                const TrainingRecord& now) {
  Resumed resumed{source, std::move(checkpoint), {}};
  const Checkpoint& c = *resumed.checkpoint;
  if (c.training.is_none()) return resumed;  // weights only
  resumed.check = compare_trainings(record_of(c, source), now);
  std::string differences = fmt::format("{}", fmt::join(resumed.check.refused, "; "));
  if (!(c.plan == plan))
    throw Error(source,
                fmt::format("the checkpoint is of another network than these options describe{}",
                            differences.empty() ? "" : " (" + differences + ")"),
                "give the options that it was trained with, or train into another --results");
  if (differences.empty() || options.force_resume) return resumed;
  if (!resumed.check.leaked.empty()) differences += ". " + leaked_text(resumed.check.leaked, "it");
  throw Error(
      source, "it is of another training: " + differences,
      "give the data and options that it was trained with, or train into another --results; --force_resume goes "
      "on all the same");
}

}  // namespace

std::string leaked_text(const std::vector<std::string>& cases, const std::string& source) {
  return fmt::format("{} of the validation cases {} among what {} was trained on ({}): their Dice would be too good",
                     cases.size(), cases.size() == 1 ? "is" : "are", source, some_names(cases));
}

Resumed find_resumed(const TrainOptions& options, const fs::path& checkpoints, const NetworkPlan& plan,
                     const DataConfig& data, const TrainingRecord& now) {
  const fs::path previous = checkpoints / "last.prev.ckpt";
  for (const fs::path& path : {checkpoints / "last.ckpt", previous}) {
    if (!fs::exists(path)) continue;
    std::optional<Checkpoint> found;
    try {
      found = load_training(path);
    } catch (const Error& e) {
      if (path == previous || !fs::exists(previous)) throw;
      log::warn(fmt::format("{} The checkpoint before it is used: {}", e.what(), previous.string()));
      continue;
    }
    return checked(path.string(), std::move(*found), options, plan, now);
  }
  if (!options.ckpt_path.empty())
    return checked(options.ckpt_path.string(), load_checkpoint(options.ckpt_path, {&data, options.network}), options,
                   plan, now);
  log::info("nothing to resume: neither checkpoints/last.ckpt nor --ckpt_path is there; starting anew");
  return {};
}

void report_differences(const Resumed& resumed) {
  const std::string& source = resumed.source;
  if (resumed.checkpoint->training.is_none()) {
    log::warn(fmt::format("{} does not say what it was trained on: validation cases may be among it", source));
    return;
  }
  const ResumeCheck& check = resumed.check;
  for (const std::string& difference : check.refused) log::warn(fmt::format("{}: forced: {}", source, difference));
  if (!check.refused.empty()) log::warn("the best epoch is looked for anew: the Dice until now is of another training");
  if (!check.leaked.empty()) log::warn(leaked_text(check.leaked, source));
  for (const std::string& difference : check.said)
    log::warn(fmt::format("{}: {}; losses will differ from a training that went on", source, difference));
  if (!check.unknown.empty())
    log::warn(fmt::format("{} is of an older version and does not say all; not compared: {}", source,
                          fmt::join(check.unknown, ", ")));
}

}  // namespace nnunet
