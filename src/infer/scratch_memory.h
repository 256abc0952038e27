#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace nnunet {

/// Memory that lies in a file of the folder. The file has no name and goes with the memory. Throws Error when the
/// folder cannot be written, or has no room.
std::shared_ptr<std::byte[]> scratch_memory(const std::filesystem::path& folder, std::size_t bytes);

/// What of these bytes fills whole pages leaves the memory; it comes back from the file when it is next touched.
void let_memory_go(void* begin, std::int64_t bytes);

}  // namespace nnunet
