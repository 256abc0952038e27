#pragma once
#include "nnunet/data/patch_loader.h"
#include "nnunet/train/training_recipe.h"
#include "nnunet/v2/training_setup.h"

namespace nnunet {

/// nnU-Net v2's training with one of its trainers (contract-v2-run, sections 3 to 5) as the list of its parts. Its
/// batches come from load_patches: there is no Sampler in it. Throws Error for a trainer that does not take the
/// dataset's regions.
TrainingRecipe v2_recipe(const v2::TrainingSetup& setup, Precision precision);

/// How its patches are drawn and augmented; with the default number of workers, for one process. Those of the
/// validation batches are plain.
PatchLoaderOptions v2_training_batches(const v2::TrainingSetup& setup);
PatchLoaderOptions v2_validation_batches(const v2::TrainingSetup& setup);

}  // namespace nnunet
