#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace nnunet {

/// Reads a JSON file; throws Error (file, position, remedy) when it is missing or broken.
nlohmann::json read_json(const std::filesystem::path& path);

}  // namespace nnunet
