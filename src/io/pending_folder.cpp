#include "nnunet/io/pending_folder.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "process.h"

namespace nnunet {

namespace {

namespace fs = std::filesystem;

std::string start_of_temporary(const fs::path& folder) {
  return fmt::format(".{}{}", folder.filename().string(), temporary_mark);
}

/// Folders of this name that ended processes of this machine left.
void remove_left_ones(const fs::path& folder) {
  const std::string start = start_of_temporary(folder);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(start)) continue;
    const auto writer = Process::parse(fmt::format("{}.", name.substr(start.size())));
    if (writer && writer->machine == this_process().machine && !is_running(*writer))
      fs::remove_all(entry.path(), ignored);
  }
}

void require_absent(const fs::path& folder) {
  if (fs::exists(fs::symlink_status(folder)))
    throw Error(folder.string(), "exists already; nothing was changed", "remove it, or choose another name");
}

}  // namespace

PendingFolder::PendingFolder(const fs::path& folder)
    : final_(fs::absolute(folder)),
      temporary_(final_.parent_path() / fmt::format("{}{}", start_of_temporary(final_), this_process().text())) {
  require_absent(final_);
  remove_left_ones(final_);
  std::error_code code;
  fs::create_directories(final_.parent_path(), code);
  if (!fs::create_directory(temporary_, code))
    throw Error(final_.string(), fmt::format("cannot be made: {}", code ? code.message() : "its temporary name exists"),
                "check the folder's permissions");
}

PendingFolder::~PendingFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void PendingFolder::commit() {
  flush_file_system(temporary_);
  require_absent(final_);
  std::error_code code;
  fs::rename(temporary_, final_, code);
  if (code) throw Error(final_.string(), fmt::format("cannot be made: {}", code.message()), "check its permissions");
  temporary_.clear();
}

}  // namespace nnunet
