#pragma once
#include <optional>
#include <string>
#include <vector>

namespace nnunet {

/// A label, or a region: several labels taken together.
struct LabelEntry {
  std::string name;         ///< may be empty: not known
  std::vector<int> values;  ///< in label maps; one, or for a region those that it unites

  bool operator==(const LabelEntry&) const = default;
};

/// What a voxel's logits become: the label of the largest one (one head a label, background included), or the regions
/// whose sigmoid is above a half (one head a region).
enum class LabelDecision { argmax, sigmoid };

/// Type of the voxels of a label map: uint8, or uint8 for fewer than 255 foreground labels and uint16 from there on.
enum class LabelType { uint8, uint8_or_uint16 };

/// What a network tells apart (dataset.json; contract-v2-plan, section 1).
struct LabelSpec {
  std::vector<LabelEntry> entries = {};  ///< the background, 0, is one of them; the ignore label is not
  LabelDecision decision = LabelDecision::argmax;
  /// For the decision sigmoid: the value that each of regions() leaves in the label map; later ones overwrite.
  std::vector<int> region_values = {};
  std::optional<int> ignore = {};  ///< marks voxels that nobody annotated: the largest label + 1
  LabelType type = LabelType::uint8;

  /// The entries that are not the background alone, in their order.
  std::vector<LabelEntry> regions() const;
  /// How many heads a network needs.
  int heads() const;
  /// Distinct labels except the background and the ignore label.
  int foreground_labels() const;

  bool operator==(const LabelSpec&) const = default;
};

/// Throws Error (subject: name) that says which field holds what cannot be.
void check_label_spec(const LabelSpec& spec, const std::string& name);

}  // namespace nnunet
