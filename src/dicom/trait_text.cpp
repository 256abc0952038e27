#include "trait_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnunet::dicom {

namespace {

struct Words {
  Trait trait;
  std::string_view name, unit;
};

constexpr auto kWords = std::to_array<Words>({{Trait::stack, "stack", ""},
                                              {Trait::temporal_position, "temporal position", ""},
                                              {Trait::contrast, "contrast agent", ""},
                                              {Trait::echo_number, "echo", ""},
                                              {Trait::echo_time, "echo time", " ms"},
                                              {Trait::inversion_time, "inversion time", " ms"},
                                              {Trait::flip_angle, "flip angle", " degrees"},
                                              {Trait::b_value, "b-value", " s/mm2"},
                                              {Trait::gradient, "gradient direction", ""},
                                              {Trait::image_type, "image type", ""},
                                              {Trait::component, "component", ""},
                                              {Trait::dimensions, "dimension index", ""},
                                              {Trait::energy_window, "energy window", ""},
                                              {Trait::detector, "detector", ""},
                                              {Trait::phase, "phase", ""},
                                              {Trait::interval, "R-R interval", ""},
                                              {Trait::time_slot, "time slot", ""},
                                              {Trait::acquisition, "acquisition", ""},
                                              {Trait::trigger_time, "trigger time", " ms"},
                                              {Trait::reference_time, "frame reference time", " ms"},
                                              {Trait::repetition_time, "repetition time", " ms"},
                                              {Trait::acquisition_moment, "acquisition time", ""}});

const Words& words_of(Trait trait) {
  return *std::ranges::find(kWords, trait, &Words::trait);
}

std::string numbers_text(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += fmt::format("{}{:.6g}", text.empty() ? "" : " ", number);
  return text;
}

/// As files have it, but nothing that a terminal or a log could stumble over.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 64;
  std::string result = text.substr(0, most);
  std::ranges::replace_if(
      result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

}  // namespace

std::string_view trait_name(Trait trait) {
  return words_of(trait).name;
}

std::string trait_text(Trait trait, const TraitValue& value) {
  const Words& words = words_of(trait);
  if (trait == Trait::acquisition_moment) return std::string(words.name);
  if (trait == Trait::contrast) return value.numbers.empty() ? "without contrast agent" : "with contrast agent";
  if (value == TraitValue{}) return fmt::format("no {}", words.name);
  return fmt::format("{} {}{}", words.name, value.numbers.empty() ? shown(value.text) : numbers_text(value.numbers),
                     words.unit);
}

}  // namespace nnunet::dicom
