#include "augment_cuda.h"

#include "batch_tensors.h"
#include "nnunet/core/error.h"

#ifdef NNUNET_CUDA
#include <algorithm>

#include "nnunet/kernels/cuda.h"
#include "nnunet/network/kernel_call.h"
#endif

namespace nnunet {

#ifdef NNUNET_CUDA

namespace {

namespace cuda = kernels::cuda;

using ImageAndLabel = std::pair<torch::Tensor, torch::Tensor>;

cuda::AugmentShape shape_of(const torch::Tensor& image) {
  cuda::AugmentShape shape{image.size(0), image.size(1)};
  const std::int64_t axes = image.dim() - 2;  // in 2D the depth stays 1
  for (std::int64_t axis = 0; axis < axes; ++axis) shape.size[3 - axes + axis] = image.size(2 + axis);
  return shape;
}

ImageAndLabel augmented_crops(const Batch& batch, torch::Device device) {
  const auto moved = [device](const torch::Tensor& t) { return t.to(device, /*non_blocking=*/true); };
  const torch::Tensor crops = moved(image_tensor(batch)), labels = moved(label_tensor(batch));
  const torch::Tensor recipes = moved(recipe_bytes(batch));
  const torch::Tensor to_image = torch::empty_like(crops), to_label = torch::empty_like(labels);
  const cuda::AugmentShape shape = shape_of(crops);
  const CudaCall call(crops);
  const torch::Tensor room = call.workspace(cuda::augment_workspace(shape), crops);
  const cuda::AugmentBatch buffers{static_cast<const Recipe*>(recipes.const_data_ptr()), kernel_data<float>(crops),
                                   kernel_const_data<std::uint8_t>(labels), kernel_data<float>(to_image),
                                   kernel_data<std::uint8_t>(to_label)};
  cuda::augment(shape, buffers, room.mutable_data_ptr(), call.stream());
  return {to_image, to_label};
}

/// The crops one behind the other.
torch::Tensor moved_crops(const PatchRecipes& patches, const torch::TensorOptions& bytes) {
  std::int64_t total = 0;
  for (const auto& crop : patches.crops) total += crop.bytes;
  torch::Tensor all = torch::empty({total}, bytes);
  std::int64_t start = 0;
  for (const auto& crop : patches.crops) {
    all.narrow(0, start, crop.bytes).copy_(byte_tensor(crop.memory, crop.bytes), /*non_blocking=*/true);
    start += crop.bytes;
  }
  return all;
}

ImageAndLabel made_patches(const Batch& batch, torch::Device device) {
  const PatchRecipes& patches = *batch.patches;
  const auto on_device = torch::TensorOptions().device(device);
  const torch::Tensor crops = moved_crops(patches, on_device.dtype(torch::kByte));
  const torch::Tensor work = byte_tensor(patches.work, patches.work_bytes).to(device, /*non_blocking=*/true);
  const torch::Tensor to_image = torch::empty(batch.image_shape, on_device.dtype(torch::kFloat));
  const torch::Tensor to_label = torch::empty(batch.label_shape, on_device.dtype(torch::kByte));
  const cuda::AugmentShape images = shape_of(to_image);
  cuda::PatchShape shape{patches.patches(), patches.channels, patches.entries};
  std::copy_n(images.size, 3, shape.size);
  const CudaCall call(crops);
  const torch::Tensor room = call.workspace(cuda::patches_workspace(shape), crops);
  const auto* const bytes = kernel_const_data<std::byte>(work);
  const cuda::PatchBatch buffers{reinterpret_cast<const PatchRecipe*>(bytes),
                                 reinterpret_cast<const ChannelStep*>(bytes + patches.steps_at()),
                                 bytes + patches.tables_at(),
                                 kernel_const_data<std::byte>(crops),
                                 patches.drawn.data(),
                                 patches.most_boxes,
                                 kernel_data<float>(to_image),
                                 kernel_data<std::uint8_t>(to_label)};
  cuda::make_patches(shape, buffers, room.mutable_data_ptr(), call.stream());
  return {to_image, to_label};
}

}  // namespace

bool augments_on(torch::Device device) {
  return device.is_cuda();
}

std::pair<torch::Tensor, torch::Tensor> augment_on_gpu(const Batch& batch, torch::Device device) {
  if (!augments_on(device)) throw Error("", "plain crops can be augmented on a GPU only", "load without recipes");
  return batch.patches ? made_patches(batch, device) : augmented_crops(batch, device);
}

#else

bool augments_on(torch::Device) {
  return false;
}

std::pair<torch::Tensor, torch::Tensor> augment_on_gpu(const Batch&, torch::Device) {
  throw Error("", "plain crops cannot be augmented: this program was built without CUDA", "load without recipes");
}

#endif

bool is_plain(const Batch& batch) {
  return batch.recipes || batch.patches;
}

}  // namespace nnunet
