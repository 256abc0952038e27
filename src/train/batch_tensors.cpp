#include "batch_tensors.h"

namespace nnunet {

namespace {

template <class T>
torch::Tensor to_tensor(const std::shared_ptr<T>& memory, const std::vector<std::int64_t>& shape) {
  const auto type = std::is_same_v<T, float> ? torch::kFloat32 : torch::kUInt8;
  const auto options = torch::TensorOptions().dtype(type).pinned_memory(false);
  return torch::from_blob(
      memory.get(), shape, [memory](void*) {}, options);
}

}  // namespace

torch::Tensor image_tensor(const Batch& batch) {
  return to_tensor(batch.image, batch.image_shape);
}

torch::Tensor label_tensor(const Batch& batch) {
  return to_tensor(batch.label, batch.label_shape);
}

torch::Tensor byte_tensor(const std::shared_ptr<std::byte>& memory, std::int64_t bytes) {
  return to_tensor(memory, {bytes});
}

torch::Tensor recipe_bytes(const Batch& batch) {
  const std::shared_ptr<std::uint8_t> bytes(batch.recipes, reinterpret_cast<std::uint8_t*>(batch.recipes.get()));
  return to_tensor(bytes, {batch.image_shape[0] * static_cast<std::int64_t>(sizeof(Recipe))});
}

}  // namespace nnunet
