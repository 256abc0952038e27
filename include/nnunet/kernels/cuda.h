#pragma once
#include <cstdint>

#include "nnunet/data/patch_recipe.h"
#include "nnunet/data/recipe.h"
#include "nnunet/kernels/adam.h"
#include "nnunet/kernels/half.h"
#include "nnunet/kernels/norm_act.h"
#include "nnunet/kernels/segmentation_loss.h"
#include "nnunet/kernels/sgd.h"

/// The kernels on a GPU, in builds with CUDA (NNUNET_CUDA). Pointers are to the GPU's memory; calls only enqueue work
/// on the stream of the current GPU. T: float, Half or Bfloat16. The digits depend on the shape alone. Failed launches
/// throw Error. docs/gpu.md says what of this has run on a GPU.
namespace nnunet::kernels::cuda {

using Stream = void*;  ///< a cudaStream_t

/// Room for either of the next two, in bytes; aligned to 16.
std::int64_t norm_act_workspace(const NormShape& shape);

/// As norm_act_forward and norm_act_backward of kernels/norm_act.h: a kernel each, its blocks waiting for each other
/// between statistics and result.
template <class T>
void norm_act_forward(const T* x, T* y, float* mean, float* rstd, const NormShape& shape, const NormParameters& p,
                      void* workspace, Stream stream);
template <class T>
void norm_act_backward(const T* x, const T* dy, T* dx, float* dgamma, float* dbeta, const float* mean,
                       const float* rstd, const NormShape& shape, const NormParameters& p, void* workspace,
                       Stream stream);

/// Room for loss_forward, in bytes; aligned to 16.
std::int64_t loss_workspace(const LossShape& shape);

/// As loss_forward and loss_backward of kernels/segmentation_loss.h, one kernel each. sums and by_sums (3K+1):
/// intersection, probability, label, loss, and the derivatives by them. A label that is no class makes the loss NaN:
/// an error would have to wait for the GPU.
template <class T>
void loss_forward(const T* logits, const std::uint8_t* label, float* sums, const LossShape& shape, bool focal,
                  void* workspace, Stream stream);
template <class T>
void loss_backward(const T* logits, const std::uint8_t* label, const float* by_sums, T* gradient,
                   const LossShape& shape, bool focal, Stream stream);

/// A batch of patches (N,C,D,H,W); in 2D D = 1.
struct AugmentShape {
  std::int64_t images = 1, channels = 1, size[3] = {1, 1, 1};

  NNUNET_HOST_DEVICE std::int64_t plane() const { return size[1] * size[2]; }
  NNUNET_HOST_DEVICE std::int64_t values() const { return channels * size[0] * plane(); }  ///< of an image
  NNUNET_HOST_DEVICE std::int64_t edges() const { return size[0] + size[1] + size[2]; }
};

struct AugmentBatch {
  const Recipe* recipes = nullptr;  ///< one an image
  float* image = nullptr;           ///< plain crops; overwritten
  const std::uint8_t* label = nullptr;
  float* to_image = nullptr;
  std::uint8_t* to_label = nullptr;
};

/// Room for augment, in bytes; aligned to 16.
std::int64_t augment_workspace(const AugmentShape& shape);

/// As nnunet::augment of data/augment.h, for a whole batch, in two kernels (image and label).
void augment(const AugmentShape& shape, const AugmentBatch& batch, void* workspace, Stream stream);

/// A batch of nnU-Net v2's patches (N,C,D,H,W); in 2D D = 1. entries: of the list of intensities.
struct PatchShape {
  std::int64_t patches = 1, channels = 1, entries = 0, size[3] = {1, 1, 1};

  NNUNET_HOST_DEVICE std::int64_t voxels() const { return size[0] * size[1] * size[2]; }
  NNUNET_HOST_DEVICE std::int64_t volumes() const { return patches * channels; }
};

/// What PatchRecipes has put together, moved to the GPU.
struct PatchBatch {
  const PatchRecipe* recipes = nullptr;
  const ChannelStep* steps = nullptr;  ///< (patches, channels, entries + 1)
  const std::byte *tables = nullptr, *crops = nullptr;
  const std::uint32_t* drawn = nullptr;  ///< (entries), in the host's memory: entries that no channel met are left out
  std::int32_t most_boxes = 0;
  float* image = nullptr;         ///< to (N,C,D,H,W)
  std::uint8_t* label = nullptr;  ///< to (N,D,H,W)
};

/// Room for make_patches, in bytes; aligned to 16.
std::int64_t patches_workspace(const PatchShape& shape);

/// As nnunet::augment_patch of data/patch_augmentation.h, for a whole batch: a kernel that reads the crops, one for
/// each operator of an entry that some channel met, two that mirror.
void make_patches(const PatchShape& shape, const PatchBatch& batch, void* workspace, Stream stream);

/// Tensors of float32 whose elements belong together: parameter, gradient, first (mean, momentum buffer), second
/// moment (Adam only).
inline constexpr int kOptimizerTensors = 64;  ///< at most: they travel as the kernel's argument
struct OptimizerTensors {
  int size = 0;
  float* parameter[kOptimizerTensors] = {};
  const float* gradient[kOptimizerTensors] = {};
  float *first[kOptimizerTensors] = {}, *second[kOptimizerTensors] = {};
  std::int64_t count[kOptimizerTensors] = {};
};

/// What an optimizer keeps on the GPU, so that a step needs nothing from the host and can be replayed.
struct OptimizerState {
  const double* learning_rate = nullptr;
  std::int64_t* step = nullptr;      ///< steps taken; Adam only
  const float* found_inf = nullptr;  ///< not 0: nothing changes in this step; null: never

  NNUNET_HOST_DEVICE bool skip() const { return found_inf != nullptr && *found_inf != 0; }
};

/// A step of Adam: first the plan (an AdamStep in the GPU's memory), then the update of one list of tensors after the
/// other.
void adam_plan(const AdamRule& rule, const OptimizerState& state, AdamStep* plan, Stream stream);
void adam_update(const OptimizerTensors& tensors, const OptimizerState& state, const AdamStep* plan, Stream stream);
/// Gradient descent with momentum.
void sgd_update(const OptimizerTensors& tensors, const OptimizerState& state, const SgdRule& rule, Stream stream);

}  // namespace nnunet::kernels::cuda
