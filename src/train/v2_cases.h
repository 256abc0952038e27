#pragma once
#include <memory>

#include "nnunet/data/case_store.h"
#include "nnunet/data/training_cases.h"

namespace nnunet {

/// The cases of a store as a training takes patches from them.
std::shared_ptr<const TrainingCases> training_cases(std::shared_ptr<const CaseStore> store);

}  // namespace nnunet
