#pragma once
#include <string>
#include <vector>

#include "nnunet/plan/label_spec.h"

namespace nnunet {

/// A value of label maps and what a voxel that has it is.
struct NamedValue {
  int value = 0;
  std::string name;  ///< may be empty: not known
};
/// The values that a network's label maps can hold beside the background's 0, ascending. A region that later ones
/// overwrite is named for what is left of it: "tumour without core".
std::vector<NamedValue> named_values(const LabelSpec& spec);

}  // namespace nnunet
