#include "nnunet/train/results.h"

#include <fmt/format.h>

#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

bool is_best_name(const std::string& name) {
  return name.starts_with("epoch=") && name.ends_with(".ckpt");
}

// Makes `name` in the folder through a temporary name and a rename, so that an existing one is replaced at once.
template <class Make>
void replace(const fs::path& folder, const std::string& name, const Make& make) {
  const fs::path temporary = folder / (name + ".tmp");
  std::error_code ignored;
  fs::remove(temporary, ignored);
  make(temporary);
  fs::rename(temporary, folder / name);
}

/// Gives a file a second name.
void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code no_links;
  fs::create_hard_link(from, to, no_links);
  if (no_links) fs::copy_file(from, to);
}

fs::path make_earlier_folder(const fs::path& results) {
  int n = 1;
  while (fs::exists(results / fmt::format("earlier-{}", n))) ++n;
  const fs::path earlier = results / fmt::format("earlier-{}", n);
  fs::create_directory(earlier);
  return earlier;
}

[[noreturn]] void fail(const fs::path& checkpoints, const fs::filesystem_error& e) {
  throw Error(checkpoints.string(), e.code().message(),
              "free some space or make the folder writable, then go on (--resume_training, --c)");
}

}  // namespace

fs::path keep_earlier(const fs::path& folder, const std::vector<std::string>& names) try {
  const fs::path earlier = make_earlier_folder(folder);
  for (const std::string& name : names)
    if (fs::exists(folder / name)) fs::rename(folder / name, earlier / name);
  return earlier;
} catch (const fs::filesystem_error& e) {
  fail(folder, e);
}

fs::path best_checkpoint_path(const fs::path& checkpoints, std::int64_t epoch) {
  return checkpoints / fmt::format("epoch={}.ckpt", epoch);
}

void keep_best_checkpoint(const fs::path& checkpoints, std::int64_t epoch) try {
  const fs::path best = best_checkpoint_path(checkpoints, epoch);
  const fs::path last = checkpoints / "last.ckpt";
  replace(checkpoints, best.filename().string(), [&](const fs::path& temporary) { link_or_copy(last, temporary); });
  replace(checkpoints, "best.ckpt", [&](const fs::path& temporary) {
    std::error_code no_links;
    fs::create_symlink(best.filename(), temporary, no_links);
    if (no_links) fs::copy_file(best, temporary);
  });
  for (const auto& entry : fs::directory_iterator(checkpoints))
    if (is_best_name(entry.path().filename().string()) && entry.path() != best) fs::remove(entry.path());
} catch (const fs::filesystem_error& e) {
  fail(checkpoints, e);
}

void keep_previous_checkpoint(const fs::path& checkpoints) try {
  const fs::path last = checkpoints / "last.ckpt";
  if (!fs::exists(last)) return;
  replace(checkpoints, "last.prev.ckpt", [&](const fs::path& temporary) { link_or_copy(last, temporary); });
} catch (const fs::filesystem_error& e) {
  fail(checkpoints, e);
}

void remove_torn_files(const fs::path& results) {
  const fs::path checkpoints = results / "checkpoints";
  const auto own = [](bool is_own) { return is_own ? Writer::self : Writer::nobody; };
  remove_leftovers(results, [&](const std::string& n) { return own(n == "progress.png" || n.ends_with(".json")); });
  remove_leftovers(checkpoints, [&](const std::string& n) { return own(n.ends_with(".ckpt")); });
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(checkpoints, ignored))
    if (entry.path().filename().string().ends_with(".ckpt.tmp")) fs::remove(entry.path(), ignored);
}

void keep_earlier_best(const fs::path& results) try {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(results / "checkpoints", ignored))
    if (const std::string name = entry.path().filename().string(); name == "best.ckpt" || is_best_name(name))
      files.push_back(entry.path());
  if (files.empty()) return;
  const fs::path earlier = make_earlier_folder(results) / "checkpoints";
  fs::create_directory(earlier);
  for (const fs::path& file : files) fs::rename(file, earlier / file.filename());
  log::warn(fmt::format("the best checkpoint until now was moved to {}", earlier.string()));
} catch (const fs::filesystem_error& e) {
  fail(results, e);
}

void keep_earlier_results(const fs::path& results, const std::string& logname) {
  if (!fs::exists(results / "checkpoints") && !fs::exists(results / logname)) return;
  const fs::path earlier = keep_earlier(results, {"checkpoints", logname, "progress.png", "train.log"});
  log::warn(fmt::format("{} held an earlier training: moved to {} (use --resume_training to continue one)",
                        results.string(), earlier.string()));
}

}  // namespace nnunet
