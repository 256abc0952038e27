#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "nnunet/core/array.h"
#include "nnunet/plan/preprocess_plan.h"

namespace nnunet {

/// (spacing / target) * shape, in double, in that order: truncated, but at least one voxel an axis (a thin image stays
/// one), or rounded half to even, which may leave none. Throws Error when an axis would pass 1e6 voxels.
Shape3 resampled_shape(const Shape3& shape, const Spacing3& spacing, const Spacing3& target,
                       SizeRounding rounding = SizeRounding::truncate);

/// The axis that the rule resamples apart from the other two; nothing: all three together. Spacings are those of the
/// array handed over and of the result, mm, in the network's axes (transposed).
std::optional<int> separate_axis(const ResamplingRule& rule, const Spacing3& current, const Spacing3& target);

/// Image (D,H,W) to another size, as scikit-image's resize(order=3, mode="edge", clip=True, anti_aliasing=False).
/// anisotropic: each slice in-plane, then z by nearest neighbour.
void resample_image(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                    bool anisotropic, int threads = 1);
/// Bytes that it holds beside input and output, at most: the volume between two axes.
std::int64_t resample_image_memory(const Shape3& from, const Shape3& to);
/// Label (D,H,W): class wherever its linearly resampled mask is >= 0.5, later classes win.
Array<std::uint8_t> resample_label(std::span<const std::uint8_t> label, const Shape3& from, const Shape3& to,
                                   bool anisotropic, int threads = 1);
/// Any rule's way with an image (D,H,W). across: what separate_axis says. Equal sizes: a copy.
void resample_volume(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                     const ResamplingRule& rule, std::optional<int> across, int threads = 1);
/// Any rule's way with a label map (D,H,W), negative labels included; each voxel's label is chosen by vote.
Array<std::int16_t> resample_label(std::span<const std::int16_t> label, const Shape3& from, const Shape3& to,
                                   const ResamplingRule& rule, LabelVote vote, std::optional<int> across,
                                   int threads = 1);
/// Bytes that these two hold beside input and output, at most.
std::int64_t resample_volume_memory(const Shape3& from, const Shape3& to, const ResamplingRule& rule,
                                    std::optional<int> across);
std::int64_t resample_label_memory(const Shape3& from, const Shape3& to, const ResamplingRule& rule,
                                   std::optional<int> across);

/// Linear on the half-pixel grid (edge values repeated), z nearest when anisotropic: logits (D,H,W) back to the crop
/// box.
void resample_linear(std::span<const float> image, const Shape3& from, std::span<float> out, const Shape3& to,
                     bool anisotropic, int threads = 1);

}  // namespace nnunet
