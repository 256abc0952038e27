#include "augment_cuda.h"

#include "batch_tensors.h"
#include "nnunet/core/error.h"

#ifdef NNUNET_CUDA
#include "nnunet/kernels/cuda.h"
#include "nnunet/network/kernel_call.h"
#endif

namespace nnunet {

#ifdef NNUNET_CUDA

namespace {

namespace cuda = kernels::cuda;

cuda::AugmentShape shape_of(const torch::Tensor& image) {
  cuda::AugmentShape shape{image.size(0), image.size(1)};
  const std::int64_t axes = image.dim() - 2;  // in 2D the depth stays 1
  for (std::int64_t axis = 0; axis < axes; ++axis) shape.size[3 - axes + axis] = image.size(2 + axis);
  return shape;
}

}  // namespace

bool augments_on(torch::Device device) {
  return device.is_cuda();
}

std::pair<torch::Tensor, torch::Tensor> augment_on_gpu(const Batch& batch, torch::Device device) {
  if (!augments_on(device)) throw Error("", "plain crops can be augmented on a GPU only", "load without recipes");
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

#else

bool augments_on(torch::Device) {
  return false;
}

std::pair<torch::Tensor, torch::Tensor> augment_on_gpu(const Batch&, torch::Device) {
  throw Error("", "plain crops cannot be augmented: this program was built without CUDA", "load without recipes");
}

#endif

}  // namespace nnunet
