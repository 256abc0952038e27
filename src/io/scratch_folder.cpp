#include "nnunet/io/scratch_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nnunet/core/error.h"
#include "process.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kName = "nnunet-";

/// What killed processes of this user left: it may be images of patients.
void remove_abandoned(const fs::path& parent) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kName)) continue;
    const auto process = Process::parse(std::string_view(name).substr(kName.size()));
    if (!process || process->machine != this_process().machine || is_running(*process)) continue;
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid())
      found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove_all(path, ignored);
}

}  // namespace

ScratchFolder::ScratchFolder() {
  const char* const chosen = std::getenv("TMPDIR");
  const fs::path parent = chosen != nullptr ? chosen : "/tmp";
  remove_abandoned(parent);
  std::string name = (parent / fmt::format("{}{}.XXXXXX", kName, this_process().text())).string();
  if (mkdtemp(name.data()) == nullptr)
    throw WriteError(name, "the folder cannot be made: " + std::generic_category().message(errno),
                     "set TMPDIR to a folder that can be written to");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace nnunet
