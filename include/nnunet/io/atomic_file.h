#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace nnunet {

/// Writes a file under a temporary name in the same folder ("<name>.tmp.<pid>.<n>"), flushes it to disk and renames it:
/// the final name never holds half a file, and an existing file is replaced only by a whole one. `write` gets the
/// temporary path; if it throws, or the disk is full, the temporary file is removed and Error names the final path, the
/// system's reason and the remedy. Missing parent folders are made.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& write);
void write_file(const std::filesystem::path& path, std::span<const std::byte> content);
void write_text(const std::filesystem::path& path, std::string_view content);

/// Throws Error (file, reason, remedy) when absent, unreadable or larger than limit bytes.
std::string read_text(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 30);

/// Creates the folder and tries a file in it; throws Error when it cannot be written.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace nnunet
