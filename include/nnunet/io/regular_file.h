#pragma once
#include <filesystem>

namespace nnunet {

/// Throws Error unless the path is that of a file, or of a link to one. To open a pipe would wait for its writer for
/// ever, and devices have no end. For readers whose library opens the file itself.
void require_regular_file(const std::filesystem::path& path);

}  // namespace nnunet
