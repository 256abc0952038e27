#include "nnunet/io/json_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

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

namespace {

constexpr std::string_view kBlank = " \t\r\n";

/// Lines and columns as editors count them, from 1; a letter of several bytes is one column.
std::string place(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_start = before.rfind('\n') + 1;  // 0 in the first line
  const auto is_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
  return fmt::format("line {}, column {}", std::ranges::count(before, '\n') + 1,
                     std::ranges::count_if(before.substr(line_start), is_letter) + 1);
}

/// A number, word or text from its first letter on; else the one letter.
std::string token(std::string_view text, std::size_t at) {
  constexpr std::size_t most = 20;
  std::size_t end = at + 1;
  if (text[at] == '"') {
    end = std::min(text.find_first_of("\"\n", at + 1), text.size());
    end = std::min(end + 1, text.size());
  } else if (std::string_view("{}[],:").find(text[at]) == std::string_view::npos) {
    end = std::min(text.find_first_of(" \t\r\n{}[],:\"", at), text.size());
    end = std::max(end, at + 1);
  }
  std::string shown(text.substr(at, std::min(end - at, most)));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < ' ') c = '?';
  return end - at > most ? shown + " ..." : shown;
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '+';
}

/// Where the value or mark begins at whose last byte, `end` counted from 1, the parser stopped.
std::size_t token_start(std::string_view text, std::size_t end, bool half_read) {
  std::size_t at = end - 1;
  if (half_read && at > 0 && !in_word(text[at]) && in_word(text[at - 1])) --at;  // a word is read until its end is seen
  if (text[at] == '"' && !half_read) {
    const auto escaped = [&](std::size_t i) {
      std::size_t first = i;
      while (first > 0 && text[first - 1] == '\\') --first;
      return (i - first) % 2 == 1;
    };
    std::size_t open = at == 0 ? std::string_view::npos : text.rfind('"', at - 1);
    while (open != std::string_view::npos && open > 0 && escaped(open)) open = text.rfind('"', open - 1);
    return open == std::string_view::npos ? at : open;
  }
  while (at > 0 && in_word(text[at]) && in_word(text[at - 1])) --at;
  return at;
}

/// As Python and others write what JSON does not have.
bool is_not_finite(std::string word) {
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word.starts_with('-') || word.starts_with('+')) word.erase(0, 1);
  return word == "nan" || word == "inf" || word == "infinity";
}

/// What stands there, and what would be right. what: the parser's words.
std::string description(std::string_view text, std::size_t at, std::string_view what) {
  const std::string shown = token(text, at);
  const std::size_t before = at == 0 ? std::string_view::npos : text.find_last_not_of(kBlank, at - 1);
  const char previous = before == std::string_view::npos ? '\0' : text[before];
  const bool closes = text[at] == ']' || text[at] == '}';
  if (previous == ',' && closes) return shown + " after a comma, which is one too many";
  if (previous == ',' && text[at] == ',') return "two commas without a value between them";
  if (text[at] == '\'') return shown + "; texts stand in double quotes";
  if (text[at] == '/' || text[at] == '#') return shown + "; JSON has no comments";
  if (is_not_finite(shown)) return shown + "; JSON's numbers are finite";
  if (shown == "True" || shown == "False" || shown == "None") return shown + "; JSON writes true, false and null";
  if (what.find("; expected string literal") != std::string_view::npos)
    return shown + ", where a name in double quotes is expected";
  if (previous == ':' && (closes || text[at] == ',')) return shown + ", where a value is expected";
  const bool value_ended =
      previous == '"' || previous == '}' || previous == ']' || std::isalnum(static_cast<unsigned char>(previous)) != 0;
  if (value_ended && !closes && text[at] != ':' && text[at] != ',')
    return shown + "; a comma or colon is missing before it";
  return shown + " is not expected here";
}

std::string string_problem(std::string_view what) {
  if (what.find("UTF-8") != std::string_view::npos) return "bytes that are not UTF-8";
  if (what.find("control character") != std::string_view::npos)
    return "a text that is not closed, or has a line break or tab in it";
  return "a text with a backslash and no known letter after it (write \\\\ for one)";
}

/// Takes all that is JSON and keeps nothing but where a number begins that no float64 can hold.
struct TooLarge final : nlohmann::json_sax<nlohmann::json> {
  std::size_t begin = 0;

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(std::int64_t /*value*/) override { return true; }
  bool number_unsigned(std::uint64_t /*value*/) override { return true; }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return true; }
  bool string(std::string& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return true; }
  bool key(std::string& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*size*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t end, const std::string& token, const nlohmann::json::exception& /*e*/) override {
    begin = end - std::min(end, token.size());
    return false;
  }
};

std::string too_large_number(std::string_view text) {
  TooLarge number;
  nlohmann::json::sax_parse(text, &number);
  return fmt::format("{}: {} is a number that is too large", place(text, number.begin), token(text, number.begin));
}

std::string problem_of(std::string_view text, const nlohmann::json::parse_error& e) {
  const std::size_t content_end = text.find_last_not_of(kBlank);
  if (content_end == std::string_view::npos) return "it is empty";
  if (e.byte == 0 || e.byte > content_end + 1)
    return place(text, content_end) + ": the text ends too early (a bracket or quote is not closed)";
  const std::string_view what = e.what();
  // Within a text in quotes the byte itself counts, not where a word begins.
  if (what.find("invalid string") != std::string_view::npos)
    return place(text, e.byte - 1) + ": " + string_problem(what);
  const std::size_t at = token_start(
      text, e.byte,
      what.find("last read") != std::string_view::npos && what.find("unexpected") == std::string_view::npos);
  return place(text, at) + ": " + description(text, at, what);
}

}  // namespace

std::string json_problem(std::string_view text) {
  constexpr std::string_view utf8_mark = "\xef\xbb\xbf";
  if (text.starts_with(utf8_mark)) text.remove_prefix(utf8_mark.size());
  // Each level costs memory, and whatever walks through the values would call itself as deep.
  if (json_nesting(text) > limits::json_depth)
    return fmt::format("lists and objects are nested deeper than {} levels", limits::json_depth);
  try {
    const auto json = nlohmann::json::parse(text);
    return {};
  } catch (const nlohmann::json::parse_error& e) {
    return problem_of(text, e);
  } catch (const nlohmann::json::exception&) {
    return too_large_number(text);
  }
}

nlohmann::json parse_json(std::string_view text, const std::string& name) {
  if (json_nesting(text) <= limits::json_depth) {
    nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_discarded()) return json;
  }
  throw Error(name, "is not valid JSON: " + json_problem(text), "correct or fetch it again");
}

nlohmann::json read_json(const std::filesystem::path& path) {
  const std::string text = read_text(path, limits::json_bytes);
  if (text.empty()) throw Error(path.string(), "the file is empty", "write or fetch it again");
  return parse_json(text, path.string());
}

std::string quoted(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > limits::quoted_json_bytes) text = text.substr(0, limits::quoted_json_bytes) + " ...";
  return text;
}

}  // namespace nnunet
