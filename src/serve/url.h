#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nnunet::serve {

/// "%20" -> " "; nothing for a wrong escape.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

/// A request's target taken apart and decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
/// Nothing for one that is no path, or has a wrong escape.
std::optional<Target> parse_target(std::string_view target);

}  // namespace nnunet::serve
