#include "nnunet/v2/python_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace nnunet::v2 {
namespace {

/// In single quotes, in double ones where the text has single quotes alone.
std::string quoted(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\')
      result += fmt::format("\\{}", c);
    else if (c == '\n')
      result += "\\n";
    else if (c == '\r')
      result += "\\r";
    else if (c == '\t')
      result += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  return result + quote;
}

void append(const Json& value, std::string& text) {
  const char* separator = "";
  if (value.is_object()) {
    text += '{';
    for (const auto& [key, item] : value.items()) {
      text += separator + quoted(key) + ": ";
      append(item, text);
      separator = ", ";
    }
    text += '}';
  } else if (value.is_array()) {
    text += '[';
    for (const Json& item : value) {
      text += separator;
      append(item, text);
      separator = ", ";
    }
    text += ']';
  } else if (value.is_string()) {
    text += quoted(value.get<std::string>());
  } else if (value.is_number_float()) {
    text += python_repr(value.get<double>());
  } else if (value.is_null()) {
    text += "None";
  } else if (value.is_boolean()) {
    text += value.get<bool>() ? "True" : "False";
  } else {
    text += value.dump();
  }
}

template <class T>
std::string digits(T value, std::chars_format format) {
  std::array<char, 64> buffer{};
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class T>
std::string number_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(static_cast<double>(value));
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  return digits(value, plain ? std::chars_format::fixed : std::chars_format::scientific);
}

template <class T>
T rounded(T value, int decimals) {
  const T scale = static_cast<T>(std::pow(10.0, decimals));
  return std::rint(value * scale) / scale;
}

}  // namespace

std::string python_repr(const Json& value) {
  std::string text;
  append(value, text);
  return text;
}

std::string python_repr(double value) {
  return number_text(value);
}

std::string numpy_text(float value) {
  return number_text(value);
}

float numpy_round(float value, int decimals) {
  return rounded(value, decimals);
}

double numpy_round(double value, int decimals) {
  return rounded(value, decimals);
}

}  // namespace nnunet::v2
