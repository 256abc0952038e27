#include "nnunet/v2/python_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_reading.h"

namespace nnunet::v2 {
namespace {

/// Replaces what is no JSON, outside of strings.
std::string without_non_finite(const std::string& text) {
  constexpr std::array<std::string_view, 3> words{"NaN", "-Infinity", "Infinity"};
  std::string result;
  result.reserve(text.size() + text.size() / 16);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\' && i + 1 < text.size()) result += text[i++];
    const auto word = in_string ? words.end() : std::ranges::find_if(words, [&](std::string_view each) {
      return text.compare(i, each.size(), each) == 0;
    });
    if (word == words.end()) {
      result += text[i];
    } else {
      result += "null";
      i += word->size() - 1;
    }
  }
  return result;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted_text(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

class Writer {
 public:
  explicit Writer(Keys keys) : keys_(keys) {}

  void write(const Json& value, std::size_t indent) {
    if (value.is_object()) return write_object(value, indent);
    if (value.is_array()) return write_list(value, indent);
    if (value.is_number_float())
      text += number(value.get<double>());
    else if (value.is_string())
      text += quoted_text(value.get<std::string>());
    else
      text += value.dump();
  }

  std::string text;

 private:
  void new_line(std::size_t indent) {
    text += '\n';
    text.append(indent, ' ');
  }

  void write_object(const Json& value, std::size_t indent) {
    if (value.empty()) {
      text += "{}";
      return;
    }
    std::vector<std::pair<std::string, const Json*>> entries;
    for (const auto& [key, item] : value.items()) entries.emplace_back(key, &item);
    if (keys_ == Keys::sorted) std::ranges::sort(entries, {}, [](const auto& entry) { return entry.first; });
    char before = '{';
    for (const auto& [key, item] : entries) {
      text += before;
      new_line(indent + 4);
      text += quoted_text(key) + ": ";
      write(*item, indent + 4);
      before = ',';
    }
    new_line(indent);
    text += '}';
  }

  void write_list(const Json& value, std::size_t indent) {
    if (value.empty()) {
      text += "[]";
      return;
    }
    char before = '[';
    for (const Json& item : value) {
      text += before;
      new_line(indent + 4);
      write(item, indent + 4);
      before = ',';
    }
    new_line(indent);
    text += ']';
  }

  Keys keys_;
};

}  // namespace

Json read_python_json(const std::filesystem::path& path) {
  const std::string text = without_non_finite(read_text(path, limits::json_bytes));
  if (json_nesting(text) > limits::json_depth)
    throw Error(path.string(), "its lists and objects are nested too deeply", "write the file again");
  if (const std::string problem = json_problem(text); !problem.empty())
    throw Error(path.string(), problem, "mend the file, or write it again");
  return Json::parse(text);
}

std::string python_json(const Json& value, Keys keys) {
  Writer writer(keys);
  writer.write(value, 0);
  return std::move(writer.text);
}

void write_python_json(const std::filesystem::path& path, const Json& value, Keys keys) {
  write_text(path, python_json(value, keys));
}

}  // namespace nnunet::v2
