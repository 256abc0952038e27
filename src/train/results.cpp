#include "nnunet/train/results.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

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

}  // namespace

fs::path best_checkpoint_path(const fs::path& checkpoints, std::int64_t epoch) {
  return checkpoints / fmt::format("epoch={}.ckpt", epoch);
}

void keep_best_checkpoint(const fs::path& checkpoints, std::int64_t epoch) try {
  const fs::path best = best_checkpoint_path(checkpoints, epoch);
  const fs::path last = checkpoints / "last.ckpt";
  replace(checkpoints, best.filename().string(), [&](const fs::path& temporary) {
    std::error_code no_links;
    fs::create_hard_link(last, temporary, no_links);
    if (no_links) fs::copy_file(last, temporary);
  });
  replace(checkpoints, "best.ckpt", [&](const fs::path& temporary) {
    std::error_code no_links;
    fs::create_symlink(best.filename(), temporary, no_links);
    if (no_links) fs::copy_file(best, temporary);
  });
  for (const auto& entry : fs::directory_iterator(checkpoints))
    if (is_best_name(entry.path().filename().string()) && entry.path() != best) fs::remove(entry.path());
} catch (const fs::filesystem_error& e) {
  throw Error(checkpoints.string(), e.code().message(),
              "free some space or make the folder writable, then --resume_training");
}

void keep_earlier_results(const fs::path& results, const std::string& logname) {
  if (!fs::exists(results / "checkpoints") && !fs::exists(results / logname)) return;
  int n = 1;
  while (fs::exists(results / fmt::format("earlier-{}", n))) ++n;
  const fs::path earlier = results / fmt::format("earlier-{}", n);
  fs::create_directory(earlier);
  for (const std::string& name :
       {std::string("checkpoints"), logname, std::string("progress.png"), std::string("train.log")})
    if (fs::exists(results / name)) fs::rename(results / name, earlier / name);
  log::warn(fmt::format("{} held an earlier training: moved to {} (use --resume_training to continue one)",
                        results.string(), earlier.string()));
}

}  // namespace nnunet
