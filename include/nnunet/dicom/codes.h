#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/plan/label_names.h"

/// What the values of a label map are, in the codes that DICOM objects say it with.
namespace nnunet::dicom {

/// An entry of a coding scheme: {"10200004", "SCT", "Liver"}; SCT is SNOMED CT.
struct Code {
  std::string value, scheme, meaning;

  bool operator==(const Code&) const = default;
};

/// What a segment is: an anatomical structure, or something in one.
struct Structure {
  Code category;                         ///< CID 7150: Anatomical Structure, Morphologically Abnormal Structure, ..
  Code type;                             ///< Liver, Neoplasm, ..
  std::optional<Code> modifier = {};     ///< of the type: Left, Right, ..
  std::optional<Code> region = {};       ///< where it lies, of what is no anatomical structure itself
  std::optional<Code> region_side = {};  ///< Left, Right

  bool operator==(const Structure&) const = default;
};

/// The structure of a well-known name in any spelling: "kidney_left", "Left kidney", "liver tumour", "lung nodule".
/// Nothing for other names.
std::optional<Structure> known_structure(std::string_view name);

/// A value of a label map and what a voxel that has it is.
struct Segment {
  int value = 0;                                           ///< 1 to 65535
  std::string name;                                        ///< UTF-8
  std::optional<Structure> structure = {};                 ///< without: by the name; "Tissue" where that is not known
  std::optional<std::array<std::uint8_t, 3>> colour = {};  ///< red, green, blue; without: the page's colour
};

/// Segments by a file like {"1": "liver", "2": {"name": "rest", "type": {"value": "..", "scheme": "SCT", "meaning":
/// ".."}}} (docs/dicom-out.md), or by the "labels" of a dataset.json, ascending, without the background 0. Throws Error
/// naming file and entry.
std::vector<Segment> read_segments(const std::filesystem::path& file);
/// The same of that file's text; name: for messages.
std::vector<Segment> parse_segments(std::string_view text, const std::string& name);

/// The segments of a network's labels, by their names; one without a name is called "label 3".
std::vector<Segment> named_segments(const std::vector<NamedValue>& values);

/// Without names: each value that is in the label map is a segment; where there is none, 1.
std::vector<NamedValue> unnamed_values(const Array<std::uint16_t>& labels);

}  // namespace nnunet::dicom
