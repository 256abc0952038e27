#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace nnunet {

/// Reads a JSON file; throws Error (file, position, remedy) when it is missing, broken or beyond limits.h.
nlohmann::json read_json(const std::filesystem::path& path);

/// How deep lists and objects lie within each other; the text need not be right.
std::size_t json_nesting(std::string_view text);

/// A value as text for a message; long ones are cut off.
std::string quoted(const nlohmann::json& value);

}  // namespace nnunet
