#include "nnunet/serve/served_model.h"

namespace nnunet::serve {

ModelDescription ServedModel::description() const {
  ModelDescription description;
  const DataConfig& config = data();
  for (int value = 1; value < config.n_class; ++value) {
    const auto i = static_cast<std::size_t>(value);
    description.structures.push_back({value, i < config.labels.size() ? config.labels[i] : std::string()});
  }
  return description;
}

}  // namespace nnunet::serve
