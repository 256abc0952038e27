#pragma once
#include <string>
#include <vector>

#include "auto_run.h"

namespace nnunet {

/// What comes before anything is measured or trained: the dataset is checked, its fingerprint taken, plans are made for
/// the device. Returns the plans' configurations. Throws Error: faults in the dataset (their table is on the log), too
/// few cases for folds, a configuration that was asked for and is not in the plans.
std::vector<std::string> plan_dataset(AutoRun& run);

}  // namespace nnunet
