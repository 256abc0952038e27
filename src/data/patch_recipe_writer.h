#pragma once
#include <span>
#include <vector>

#include "host_pool.h"
#include "nnunet/data/patch_augmentation.h"
#include "nnunet/data/patch_recipe.h"

namespace nnunet {

/// Collects what a GPU makes a batch from: copies of the cases' parts and recipes for them.
class PatchRecipeWriter {
 public:
  /// patch: the final size. What is handed in must outlive the writer.
  PatchRecipeWriter(const PatchAugmentation& how, const Shape3& patch, std::int64_t channels,
                    const BatchMemory& memory);

  /// The next patch, of a case without a previous stage: what augment_patch would have made of it. Throws Error, and
  /// has added nothing, for a label that is none.
  void add(const TrainingCase& from, const Shape3& start, const PatchDraws& draws, const PatchLabels& labels);
  PatchRecipes take();

 private:
  PatchRecipe recipe_of(const PatchSource& source, const PatchDraws& draws) const;
  PatchRecipes::Crop copy(const PatchSource& source, const PatchRecipe& recipe, const PatchLabels& labels) const;
  void add_steps(const std::vector<IntensityStep>& intensities);

  const PatchAugmentation& how_;
  const Shape3& patch_;
  const BatchMemory& memory_;
  PatchRecipes batch_;
  std::int64_t crop_bytes_ = 0;
  std::vector<PatchRecipe> recipes_;
  std::vector<ChannelStep> steps_;
  std::vector<std::byte> tables_;
};

}  // namespace nnunet
