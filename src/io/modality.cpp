#include "nnunet/io/modality.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "nnunet/core/log.h"

namespace nnunet {

namespace {

/// In small letters, without blanks around it.
std::string plain(std::string_view name) {
  const auto blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!name.empty() && blank(name.front())) name.remove_prefix(1);
  while (!name.empty() && blank(name.back())) name.remove_suffix(1);
  std::string text(name);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

bool is_ct_name(std::string_view modality) {
  return plain(modality) == "ct";
}

bool is_mr_name(std::string_view modality) {
  // Sequences have suffixes: T1w, t1gd, T2-weighted, DWI_b1000.
  static constexpr std::array<std::string_view, 13> kStarts{"mr",  "t1",  "t2",  "flair", "adc",    "dwi",    "dti",
                                                            "pdw", "swi", "dce", "dsc",   "zscore", "z-score"};
  const std::string name = plain(modality);
  return name == "pd" || std::ranges::any_of(kStarts, [&](std::string_view start) { return name.starts_with(start); });
}

void warn_of_modality(const std::vector<std::string>& modality, const std::string& file) {
  if (modality.empty()) return;
  const bool ct = is_ct_name(modality.front());
  for (std::size_t i = 0; i < modality.size(); ++i) {
    const std::string& name = modality[i];
    if (is_ct_name(name) != ct) {
      log::warn_once(fmt::format("{}: modality \"{}\" of channel {} is treated as {}, because channel 0 is \"{}\"",
                                 file, name, i, ct ? "CT" : "MRI", modality.front()));
    } else if (!ct && !is_mr_name(name)) {
      log::warn_once(fmt::format(
          "{}: modality \"{}\" is not known and taken as MRI (each case is normalised by its own mean and standard "
          "deviation). If its values are Hounsfield units, call it \"CT\"",
          file, name));
    }
  }
}

}  // namespace nnunet
