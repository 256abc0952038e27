#include "nnunet/io/json_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

std::size_t json_nesting(std::string_view text) {
  std::size_t depth = 0, most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return most;
}

nlohmann::json read_json(const std::filesystem::path& path) {
  const std::string text = read_text(path, limits::json_bytes);
  if (text.empty()) throw Error(path.string(), "the file is empty", "write or fetch it again");
  // Each level costs memory, and whatever walks through the values would call itself as deep.
  if (json_nesting(text) > limits::json_depth)
    throw Error(path.string(), fmt::format("lists and objects are nested deeper than {} levels", limits::json_depth),
                "correct or fetch it again");
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw Error(path.string(), fmt::format("is not valid JSON (error at byte {})", e.byte),
                "correct or fetch it again");
  } catch (const nlohmann::json::exception&) {
    throw Error(path.string(), "holds a number that is too large", "correct or fetch it again");
  }
}

std::string quoted(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > limits::quoted_json_bytes) text = text.substr(0, limits::quoted_json_bytes) + " ...";
  return text;
}

}  // namespace nnunet
