#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace nnunet::v2 {

/// JSON as Python's json module writes and reads it: NaN is a number there, keys keep their order.
using Json = nlohmann::ordered_json;

/// A literal NaN or Infinity becomes null. Throws Error (file, place, remedy) where the file is missing or broken.
Json read_python_json(const std::filesystem::path& path);

enum class Keys { as_they_are, sorted };

/// Indented by four blanks, numbers as Python's repr, text in ASCII.
std::string python_json(const Json& value, Keys keys);

/// Atomic.
void write_python_json(const std::filesystem::path& path, const Json& value, Keys keys);

}  // namespace nnunet::v2
