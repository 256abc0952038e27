#include "case_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "nnunet/core/parallel.h"
#include "nnunet/io/digest.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kBlock = 4096;
constexpr std::uintmax_t kBlocks = 8;  ///< of each file, the header's first

/// The file's size and blocks of it; false when it cannot be read.
bool add_file(const fs::path& path, std::string& content) {
  std::error_code failure;
  const std::uintmax_t size = fs::file_size(path, failure);
  std::ifstream file(path, std::ios::binary);
  if (failure || !file) return false;
  content += fmt::format("{};", size);
  std::array<char, kBlock> block{};
  const std::uintmax_t last = size > kBlock ? size - kBlock : 0;
  for (std::uintmax_t i = 0; i < kBlocks; ++i) {
    file.seekg(static_cast<std::streamoff>(last / (kBlocks - 1) * i));
    file.read(block.data(), static_cast<std::streamsize>(std::min(size, kBlock)));
    if (!file) return false;
    content.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (last == 0) break;
  }
  return true;
}

std::string identity(const fs::path& folder, const std::string& name) {
  std::string content;
  if (!add_file(folder / (name + "_x.npy"), content)) return {};
  if (!add_file(folder / (name + "_y.npy"), content)) return {};
  return digest_of(content, DigestKind::sha1);
}

std::string as_utf8(const std::string& name) {
  using nlohmann::json;
  return json::parse(json(name).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

}  // namespace

CaseIdentities identify_cases(const PreprocessedFolder& folder, const std::vector<std::string>& names) {
  CaseIdentities identities;
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(names.size()), 0, [&](std::int64_t i) {
    const std::string& name = names[static_cast<std::size_t>(i)];
    std::string found = identity(folder.path(), name);
    const std::lock_guard lock(mutex);
    identities[as_utf8(name)] = std::move(found);
  });
  return identities;
}

}  // namespace nnunet
