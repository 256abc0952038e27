#pragma once
#include <cstdint>
#include <filesystem>

namespace nnunet {

/// FNV-1a (64 bit; Fowler, Noll and Vo) of a file's content, eight bytes a step: tells checkpoints apart whatever they
/// are called. Throws Error when it cannot be read.
std::uint64_t file_digest(const std::filesystem::path& path);

}  // namespace nnunet
