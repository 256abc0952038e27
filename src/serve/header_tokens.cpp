#include "header_tokens.h"

#include <algorithm>

namespace nnunet::serve {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Takes a parameter's value off the front of the text, up to the next ';'.
std::optional<std::string> take_value(std::string_view& text) {
  text = trimmed(text);
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string value(trimmed(text.substr(0, end)));
    text.remove_prefix(end);
    return value;
  }
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text = trimmed(text.substr(i + 1));
      if (!text.empty() && text.front() != ';') return std::nullopt;
      return value;
    }
    // Only these two are escaped: some clients send C:\folder\file as it is.
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    value += text[i];
  }
  return std::nullopt;  // the closing quote is missing
}

}  // namespace

bool same_token(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> header_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::optional<HeaderValue> parse_header_value(std::string_view text) {
  HeaderValue result;
  const std::size_t end = std::min(text.find(';'), text.size());
  result.value = lower_case(trimmed(text.substr(0, end)));
  text.remove_prefix(end);
  while (!text.empty()) {
    text = trimmed(text.substr(1));  // after the ';'
    if (text.empty() || text.front() == ';') continue;
    const std::size_t equals = text.find('=');
    if (equals > text.find(';')) return std::nullopt;
    const std::string name = lower_case(trimmed(text.substr(0, equals)));
    if (name.empty() || equals == std::string_view::npos) return std::nullopt;
    text.remove_prefix(equals + 1);
    auto value = take_value(text);
    if (!value || !result.parameters.emplace(name, std::move(*value)).second) return std::nullopt;
  }
  return result;
}

}  // namespace nnunet::serve
