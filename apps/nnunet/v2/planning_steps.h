#pragma once
#include <string>

#include "nnunet/v2/planner.h"
#include "v2/blocks/dataset.h"
#include "v2/blocks/planning.h"

/// The steps of one dataset that several commands take.
namespace nnunet::app {

/// $nnUNet_preprocessed/DATASET/dataset_fingerprint.json, kept where it is there unless the flags say otherwise.
void extract_fingerprint(const std::string& dataset, const V2FingerprintFlags& flags, bool progress);

/// Throws Error for flags that cannot be, before anything is done.
v2::PlannerOptions checked_planner_options(const V2PlannerFlags& flags);
/// Writes the plans, prints what they hold and returns their name.
std::string write_plans(const std::string& dataset, const v2::PlannerOptions& options);

}  // namespace nnunet::app
