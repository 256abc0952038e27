#include "nnunet/io/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
  const char* const chosen = std::getenv("TMPDIR");
  std::string name = (fs::path(chosen != nullptr ? chosen : "/tmp") / "nnunet-XXXXXX").string();
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
