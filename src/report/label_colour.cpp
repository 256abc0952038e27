#include "nnunet/report/label_colour.h"

#include <cstddef>

#include "palette.h"

namespace nnunet {

std::uint32_t label_colour(int value, int n_class) {
  const auto at = static_cast<std::size_t>(value - 1);
  const bool few = n_class - 1 <= static_cast<int>(palette::few.size());
  return few ? palette::few[at % palette::few.size()] : palette::many[at % palette::many.size()];
}

}  // namespace nnunet
