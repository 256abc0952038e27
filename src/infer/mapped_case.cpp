#include "mapped_case.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"

namespace nnunet {

MappedCase open_case(const PreprocessedFolder& folder, const std::string& name, bool needs_label) {
  MappedCase c{folder.open_x(name), folder.open_y(name)};
  if (!c.y) {
    if (needs_label) throw Error(name, "has no label (" + name + "_y.npy)", "give a training or val folder");
    return c;
  }
  const auto &image = c.x.shape(), &label = c.y->shape();
  if (label.size() != image.size() || !std::equal(label.begin() + 1, label.end(), image.begin() + 1))
    throw Error(name, fmt::format("its label is {} and its image {}", shape_text(label), shape_text(image)),
                "run preprocess again");
  const int top = std::ranges::max(c.y->values<std::uint8_t>()), n_class = folder.config().n_class;
  if (top >= n_class)
    throw Error(name, fmt::format("its label holds class {}, config.json knows {} classes", top, n_class),
                "run preprocess again with the right dataset.json");
  return c;
}

}  // namespace nnunet
