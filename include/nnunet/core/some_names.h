#pragma once
#include <string>
#include <vector>

namespace nnunet {

/// Names for a message, not all of many: "a, b, c, d, e and 7 more".
std::string some_names(const std::vector<std::string>& names);

}  // namespace nnunet
