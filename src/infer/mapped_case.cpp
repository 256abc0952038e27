#include "mapped_case.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

/// No copy, never written to; the file must outlive the tensor.
template <class T>
torch::Tensor mapped_tensor(const NpyFile& file, torch::ScalarType type) {
  return torch::from_blob(const_cast<T*>(file.values<T>().data()), file.shape(), type);
}

}  // namespace

MappedCase open_case(const PreprocessedFolder& folder, const std::string& name, bool needs_label) {
  MappedCase c{folder.open_x(name), folder.open_y(name), {}, {}};
  c.image = mapped_tensor<float>(c.x, torch::kFloat32);
  if (!c.y) {
    if (needs_label) throw Error(name, "has no label (" + name + "_y.npy)", "give a training or val folder");
    return c;
  }
  c.label = mapped_tensor<std::uint8_t>(*c.y, torch::kUInt8);
  if (c.label.sizes().slice(1) != c.image.sizes().slice(1))
    throw Error(
        name, fmt::format("its label is {} and its image {}", shape_text(c.label.sizes()), shape_text(c.image.sizes())),
        "run preprocess again");
  const int top = c.label.max().item<int>(), n_class = folder.config().n_class;
  if (top >= n_class)
    throw Error(name, fmt::format("its label holds class {}, config.json knows {} classes", top, n_class),
                "run preprocess again with the right dataset.json");
  return c;
}

}  // namespace nnunet
