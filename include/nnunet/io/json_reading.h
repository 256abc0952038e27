#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace nnunet {

/// Reads a JSON file; throws Error (file, line and column, remedy) when it is missing, broken or beyond limits.h.
nlohmann::json read_json(const std::filesystem::path& path);
/// The same of a text; name is used in messages.
nlohmann::json parse_json(std::string_view text, const std::string& name);

/// Where and why the text is no JSON: "line 3, column 1: ']' after a comma, where a value is expected". Empty for JSON.
std::string json_problem(std::string_view text);

/// How deep lists and objects lie within each other; the text need not be right.
std::size_t json_nesting(std::string_view text);

/// A value as text for a message; long ones are cut off.
std::string quoted(const nlohmann::json& value);

}  // namespace nnunet
