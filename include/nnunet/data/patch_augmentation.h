#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nnunet/core/random.h"
#include "nnunet/data/augmentation.h"
#include "nnunet/data/cascade_operators.h"
#include "nnunet/data/intensity_operators.h"
#include "nnunet/data/intensity_steps.h"
#include "nnunet/data/patch_sampling.h"
#include "nnunet/data/patch_scratch.h"
#include "nnunet/data/spatial_transform.h"
#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/model_plan.h"

/// nnU-Net v2's augmentation of training patches (contract-v2-run, section 5) as data, and what carries it out.
namespace nnunet {

/// Rotation and scaling, each with its own coin.
struct SpatialAugmentation {
  Chance rotation;              ///< angles in radians: of all three axes, or the one of a plane
  float angle_probability = 1;  ///< with which each angle is kept
  Chance scale;                 ///< factors; above 1 shows more of the case
  bool scale_per_axis = false;  ///< else one factor for all axes
  PatchReading reading;
  float quarter_turns = 0, transpose = 0;  ///< probabilities, over the exchangeable axes
  std::array<bool, 3> exchangeable{};      ///< axes of the same size

  bool operator==(const SpatialAugmentation&) const = default;
};

/// What happens to a patch, in this order. The defaults change nothing: the initial patch is the final one.
struct PatchAugmentation {
  std::optional<Shape3> initial;  ///< the box that is transformed; nothing: as large as the patch
  SpatialAugmentation spatial;
  IntensityList intensities;
  /// Each with probability 1/2. The trainers DA5 mirror before their last operators, which do not tell a patch from its
  /// mirror image, so that it makes no difference.
  std::array<bool, 3> mirrored{};
  std::vector<std::int64_t> masked_channels;   ///< 0 where the label is -1
  std::optional<CascadeAugmentation> cascade;  ///< of the previous stage's labels; nothing: they stay as they are
};

/// The default trainer's; may_be_dummy_2d: as rotation_rule. In a cascade the plan says so.
PatchAugmentation default_augmentation(const ModelPlan& plan, bool may_be_dummy_2d = true);
/// The trainers DA5's.
PatchAugmentation da5_augmentation(const ModelPlan& plan);
/// None: of validation batches and the trainer NoDA.
PatchAugmentation validation_augmentation(const ModelPlan& plan);

/// Throws Error for probabilities outside of [0,1] and what does not fit a patch of that size.
void check_patch_augmentation(const PatchAugmentation& how, const Shape3& patch);

/// What is drawn for one patch before its intensities.
std::optional<SpatialTransform> draw_transform(const SpatialAugmentation& how, CounterRng& rng);
Turn draw_turn(const SpatialAugmentation& how, CounterRng& rng);
std::array<bool, 3> draw_mirrored(const std::array<bool, 3>& axes, CounterRng& rng);

/// Names the random numbers of one patch: the same whoever makes it. Patches of training and validation share none.
struct PatchKey {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0, sample = 0;
  bool validation = false;

  enum class Purpose : std::uint32_t { element, place, transform, turn, intensities, mirror, cascade, count };
  CounterRng rng(Purpose purpose) const;
};

/// All that is drawn for one patch but its place and a cascade's labels.
struct PatchDraws {
  std::optional<SpatialTransform> transform;
  Turn turn;
  std::vector<IntensityStep> intensities;
  std::array<bool, 3> mirrored{};
};
/// For a patch of so many channels of that size.
PatchDraws draw_patch(const PatchAugmentation& how, std::int64_t channels, const Shape3& patch, const PatchKey& key);

/// The labels that a batch may hold.
struct PatchLabels {
  std::int16_t largest = 0;              ///< the ignore label, where there is one
  std::vector<std::int16_t> foreground;  ///< ascending; in a cascade each is a channel

  /// Throws Error for labels that do not fit 8 bits.
  explicit PatchLabels(const LabelSpec& labels);
  /// Throws Error for a label that is none of them. -1 is allowed.
  void check(std::span<const std::int16_t> values) const;
};

/// Where a finished patch goes, contiguous.
struct PatchOutput {
  float* image = nullptr;         ///< (C,D,H,W), in a cascade with a channel more for each foreground label
  std::uint8_t* label = nullptr;  ///< (D,H,W): -1 has become 0
};

/// Mirrors the patch, masks channels and writes label map and image. Throws Error for a label that is none.
void write_patch(const TrainingPatch& patch, const std::array<bool, 3>& mirrored,
                 const std::vector<std::int64_t>& masked_channels, const PatchLabels& labels, const PatchOutput& to);
/// The previous stage's label map (D,H,W), mirrored, as one channel of 0 and 1 for each foreground label (K,D,H,W).
void separate_labels(const std::int16_t* labels, const Shape3& size, const std::array<bool, 3>& mirrored,
                     const std::vector<std::int16_t>& foreground, Array<std::uint8_t>& channels);

/// Buffers of augment_patch, one a thread.
struct PatchBuffers {
  TrainingPatch patch, turned;
  SpatialScratch spatial;
  PatchScratch scratch;
  Array<std::uint8_t> previous_stage;
};

/// One patch of a case, from its start (of the initial patch) to the batch.
void augment_patch(const TrainingCase& from, const Shape3& start, const PatchAugmentation& how, const Shape3& patch,
                   const PatchLabels& labels, const PatchKey& key, const PatchOutput& to, PatchBuffers& buffers);

}  // namespace nnunet
