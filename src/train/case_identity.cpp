#include "case_identity.h"

#include <fmt/format.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/file_record.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

std::string identity(const fs::path& folder, const std::string& name) try {
  return fmt::format("{:016x}{:016x}", sample_digest(folder / (name + "_x.npy")),
                     sample_digest(folder / (name + "_y.npy")));
} catch (const Error&) {
  return {};
}

std::string as_utf8(const std::string& name) {
  using nlohmann::json;
  return json::parse(json(name).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

}  // namespace

bool comparable(const std::string& a, const std::string& b) {
  return !a.empty() && a.size() == b.size();
}

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
