#pragma once
#include <string>

#include "v2/blocks/preprocessing.h"

namespace nnunet::app {

/// What comes before preprocessing: $nnUNet_preprocessed/DATASET/dataset_fingerprint.json, kept where it is there
/// unless --clean is given.
void extract_fingerprint(const std::string& dataset, const V2PlanAndPreprocessFlags& flags);
/// The plans; returns their name.
std::string plan_experiment(const std::string& dataset, const V2PlanAndPreprocessFlags& flags);

}  // namespace nnunet::app
