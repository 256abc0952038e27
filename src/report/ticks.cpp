#include "ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nnunet {
namespace {

double nice_step(double range, int count) {
  const double raw = range / std::max(1, count);
  const double decade = std::pow(10.0, std::floor(std::log10(raw)));
  const double lead = raw / decade;
  return decade * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

/// "1e-5": fmt's exponents without leading zeros.
std::string exponent_text(double value, int digits) {
  std::string text = fmt::format("{:.{}e}", value, digits);
  const std::size_t at = text.find('e') + 1;
  if (text[at] == '+') text.erase(at, 1);
  const std::size_t zeros = text[at] == '-' ? at + 1 : at;
  while (zeros + 1 < text.size() && text[zeros] == '0') text.erase(zeros, 1);
  return text;
}

std::string tick_text(double value, double step, double largest) {
  if (value == 0) return "0";
  const int step_decade = static_cast<int>(std::floor(std::log10(step) + 1e-9));
  if (largest >= 1e6 || largest < 1e-3) {
    const int value_decade = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
    return exponent_text(value, std::clamp(value_decade - step_decade, 0, 6));
  }
  return fmt::format("{:.{}f}", value, std::clamp(-step_decade, 0, 12));
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int count, bool whole) {
  double step = nice_step(high - low, count);
  if (whole) step = std::max(1.0, step);
  const double largest = std::max(std::abs(low), std::abs(high));
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + 1e-9 * step && ticks.size() < 100; ++i) {
    const double value = i == 0 ? 0 : i * step;
    ticks.push_back({value, tick_text(value, step, largest)});
  }
  return ticks;
}

std::vector<Tick> logarithmic_ticks(double low, double high) {
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  const int every = std::max(1, (last - first) / 8);
  const double decades = std::log10(high / low);
  std::vector<Tick> ticks;
  for (int d = first; d <= last; ++d)
    for (int lead = 1; lead <= 9; ++lead) {
      const double value = lead * std::pow(10.0, d);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9) || (every > 1 && lead > 1)) continue;
      const bool named = lead == 1       ? (d - first) % every == 0
                         : decades < 1.2 ? true
                                         : decades < 3 && (lead == 2 || lead == 5);
      std::string text;
      if (named)
        text = value < 1e-3 * (1 - 1e-9) || value >= 1e6 * (1 - 1e-9) ? exponent_text(value, 0)
                                                                      : fmt::format("{:.{}f}", value, std::max(0, -d));
      ticks.push_back({value, text});
    }
  // A range inside one decade may hold hardly any.
  const auto named = std::count_if(ticks.begin(), ticks.end(), [](const Tick& t) { return !t.text.empty(); });
  return named < 3 ? linear_ticks(low, high, 5, false) : ticks;
}

}  // namespace nnunet
