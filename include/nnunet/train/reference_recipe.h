#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/train/training_recipe.h"

namespace nnunet {

/// The reference system's training, with its options (contract, sections 4 to 6). train_cases: indices into the
/// folder's cases. The options have their defaults filled in.
TrainingRecipe reference_recipe(const TrainOptions& options, std::vector<std::int64_t> train_cases,
                                const DataConfig& config, Precision precision);

}  // namespace nnunet
