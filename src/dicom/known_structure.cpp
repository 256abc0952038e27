#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include "known_structures.h"
#include "nnunet/dicom/codes.h"

namespace nnunet::dicom {
namespace {

using Words = std::vector<std::string>;

struct Synonym {
  std::string_view written, meant;
};
/// Of words anywhere in a name.
constexpr auto words_meant = std::to_array<Synonym>({{"cancer", "neoplasm"},
                                                     {"haemorrhage", "hemorrhage"},
                                                     {"lungs", "lung"},
                                                     {"oedema", "edema"},
                                                     {"oesophagus", "esophagus"},
                                                     {"tumor", "neoplasm"},
                                                     {"tumour", "neoplasm"},
                                                     {"vessels", "vessel"}});
/// Of whole names, after their words.
constexpr auto names_meant = std::to_array<Synonym>({{"bladder", "urinary_bladder"},
                                                     {"brainstem", "brain_stem"},
                                                     {"clavicle", "clavicula"},
                                                     {"colon_neoplasm_primaries", "colon_neoplasm"},
                                                     {"enhancing_neoplasm", "neoplasm"},
                                                     {"hepatic_vessel", "liver_vessel"},
                                                     {"ivc", "inferior_vena_cava"},
                                                     {"left_atrium", "heart_atrium_left"},
                                                     {"left_ventricle", "heart_ventricle_left"},
                                                     {"non_enhancing_neoplasm", "neoplasm"},
                                                     {"postcava", "inferior_vena_cava"},
                                                     {"pz", "peripheral_zone"},
                                                     {"right_atrium", "heart_atrium_right"},
                                                     {"right_ventricle", "heart_ventricle_right"},
                                                     {"svc", "superior_vena_cava"},
                                                     {"tz", "transition_zone"}});

const Code kLeft{"7771000", "SCT", "Left"};
const Code kRight{"24028007", "SCT", "Right"};

Code category_code(Category category) {
  switch (category) {
    case Category::anatomy:
      return {"91723000", "SCT", "Anatomical Structure"};
    case Category::morphology:
      return {"49755003", "SCT", "Morphologically Abnormal Structure"};
    case Category::tissue:
      return {"85756007", "SCT", "Tissue"};
    case Category::object:
      break;
  }
  return {"260787004", "SCT", "Physical object"};
}

Words words_of(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    text += std::isalnum(byte) || byte >= 0x80U ? static_cast<char>(std::tolower(byte)) : ' ';
  }
  std::istringstream stream(text);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "_") + word;
  return text;
}

template <class Synonyms>
void replace(std::string& text, const Synonyms& synonyms) {
  const auto found = std::ranges::find(synonyms, text, &Synonym::written);
  if (found != synonyms.end()) text = found->meant;
}

/// The name that the table has for this one.
std::string table_name(Words words) {
  for (std::string& word : words) replace(word, words_meant);
  std::string name = joined(words);
  replace(name, names_meant);
  return name;
}

const KnownStructure* find(const std::string& name) {
  const auto found = std::ranges::find(known_structures, name, &KnownStructure::name);
  return found == known_structures.end() ? nullptr : &*found;
}

Code snomed(std::string_view value, std::string_view meaning) {
  return {std::string(value), "SCT", std::string(meaning)};
}

Structure structure_of(const KnownStructure& known) {
  Structure structure{.category = category_code(known.category), .type = snomed(known.type, known.meaning)};
  if (!known.region.empty()) structure.region = snomed(known.region, known.region_meaning);
  return structure;
}

/// What may lie in an organ: "liver_tumor", "lung_vessel".
bool lies_in_an_organ(const KnownStructure& known) {
  return known.region.empty() && (known.category == Category::morphology || known.name == "vessel");
}

/// A structure by its name without left and right.
std::optional<Structure> named(const std::string& name) {
  if (const KnownStructure* known = find(name)) return structure_of(*known);
  const std::size_t last = name.rfind('_');
  if (last == std::string::npos) return {};
  const KnownStructure* const what = find(name.substr(last + 1));
  const KnownStructure* const where = find(name.substr(0, last));
  if (what == nullptr || where == nullptr || !lies_in_an_organ(*what) || where->category != Category::anatomy)
    return {};
  Structure structure = structure_of(*what);
  structure.region = snomed(where->type, where->meaning);
  return structure;
}

}  // namespace

std::optional<Structure> known_structure(std::string_view name) {
  Words words = words_of(name);
  if (auto whole = named(table_name(words))) return whole;
  const bool left = std::erase(words, "left") > 0, right = std::erase(words, "right") > 0;
  if (left == right) return {};
  auto structure = named(table_name(words));
  if (structure) (structure->region ? structure->region_side : structure->modifier) = left ? kLeft : kRight;
  return structure;
}

}  // namespace nnunet::dicom
