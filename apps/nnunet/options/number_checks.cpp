#include "number_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace nnunet::app {
namespace {

std::optional<double> parsed(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

std::string not_a_number(const std::string& text, NumberKind kind) {
  const std::string problem = fmt::format("'{}' is not a {}number", text, kind.whole ? "whole " : "");
  if (text.find(',') == std::string::npos) return problem;
  if (kind.list) return problem + ": separate numbers with blanks, and use a decimal point";
  std::string pointed = text;
  std::ranges::replace(pointed, ',', '.');
  return kind.whole || !parsed(pointed) ? problem : fmt::format("{}: use a decimal point: {}", problem, pointed);
}

/// description: what the help says of it. What is no number is left to `numeric`, which every option has.
CLI::Validator checked(const std::string& description, const std::string& range,
                       const std::function<bool(double)>& allowed) {
  return {[=](std::string& text) {
            const auto value = parsed(text);
            return !value || allowed(*value) ? std::string() : fmt::format("{}, not {}", range, text);
          },
          description};
}

template <class T>
CLI::Validator range(const char* type, T low, T high) {
  return checked(fmt::format("{} in [{} - {}]", type, low, high), fmt::format("must be from {} to {}", low, high),
                 [=](double value) { return value >= low && value <= high; });
}

}  // namespace

CLI::Validator positive() {
  return checked("POSITIVE", "must be above 0", [](double value) { return value > 0; });
}

CLI::Validator not_negative() {
  return checked("NONNEGATIVE", "must be at least 0", [](double value) { return value >= 0; });
}

CLI::Validator between(int low, int high) {
  return range("INT", low, high);
}

CLI::Validator between(double low, double high) {
  return range("FLOAT", low, high);
}

CLI::Validator numeric(NumberKind kind) {
  return {[kind](std::string& text) {
            const auto value = parsed(text);
            if (!value || !std::isfinite(*value)) return not_a_number(text, kind);
            const bool hexadecimal = text.starts_with("0x");
            if (kind.whole && !hexadecimal && text.find_first_of(".eE") != std::string::npos)
              return not_a_number(text, kind) +
                     (*value == std::floor(*value) ? fmt::format(": write {:.0f}", *value) : "");
            return std::string();
          },
          std::string()};
}

}  // namespace nnunet::app
