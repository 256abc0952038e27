#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/plan.h"
#include "nnunet/plan/preprocess_plan.h"

/// Parts of what is said about a model.
namespace nnunet {

/// What a prediction computes of a network: no coarser heads.
NetworkPlan of_prediction(NetworkPlan plan);

/// {"image": "spline of order 3", "logits": ..}
nlohmann::ordered_json resampling_rows(const PreprocessPlan& plan);
/// Number, name (missing ones are empty) and normalisation of each.
nlohmann::ordered_json channel_rows(const PreprocessPlan& plan, const std::vector<std::string>& names);
/// Values and name of each; regions say which value they leave in label maps.
nlohmann::ordered_json label_rows(const LabelSpec& labels);
/// Shape, size and work of a network on one window.
nlohmann::ordered_json network_rows(const NetworkPlan& plan, const std::vector<std::int64_t>& patch);

}  // namespace nnunet
