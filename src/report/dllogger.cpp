#include "nnunet/report/dllogger.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void fail(const std::filesystem::path& path, int code) {
  const std::string reason = code != 0 ? std::generic_category().message(code) : "unknown reason";
  throw Error(path.string(), "the log cannot be written: " + reason, "free some space or choose another folder");
}

/// As Python's repr(float).
std::string python_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// As Python's json.dumps with its default separators; bytes that are not UTF-8 become U+FFFD.
std::string python_json(const ordered_json& json) {
  std::string text;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      text += text.empty() ? "" : ", ";
      text += python_json(ordered_json(key)) + ": " + python_json(value);
    }
    return "{" + text + "}";
  }
  if (json.is_array()) {
    for (const auto& value : json) text += (text.empty() ? "" : ", ") + python_json(value);
    return "[" + text + "]";
  }
  if (json.is_number_float()) return python_float(json.get<double>());
  return json.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
}

bool ends_in_half_line(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() <= 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

/// "YYYY-MM-DD HH:MM:SS.ffffff", local time.
std::string local_time(std::int64_t microseconds) {
  const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06d}", parts, microseconds % 1'000'000);
}

}  // namespace

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

DllLogger::DllLogger(const std::filesystem::path& file, bool append)
    : path_(file), start_(std::chrono::steady_clock::now()) {
  std::error_code ignored;  // opening the file tells better what is wrong
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), ignored);
  const bool half_line = append && ends_in_half_line(file);
  errno = 0;
  file_.open(file, std::ios::binary | (append ? std::ios::app : std::ios::trunc));
  if (half_line) file_ << '\n' << std::flush;
  if (!file_) fail(path_, errno);
}

void DllLogger::log(const ordered_json& step, const ordered_json& data) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  const std::scoped_lock lock(mutex_);
  const auto now = duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto elapsed = duration_cast<microseconds>(std::chrono::steady_clock::now() - start_).count();
  const ordered_json line = {{"timestamp", python_float(static_cast<double>(now) / 1e6)},
                             {"datetime", local_time(now)},
                             {"elapsedtime", python_float(static_cast<double>(elapsed) / 1e6)},
                             {"type", "LOG"},
                             {"step", step},
                             {"data", data}};
  errno = 0;
  file_ << "DLLL " + python_json(line) + "\n" << std::flush;
  if (!file_) fail(path_, errno);
}

}  // namespace nnunet
