#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "nnunet/io/json_fields.h"
#include "nnunet/plan/v2_plan.h"

namespace nnunet::v2_parts {

inline constexpr const char* kRemedy = "use a model that nnU-Net v2 itself can predict with, or correct the file";

/// configuration: as v2_configuration gives it; channels: how many the dataset has.
PreprocessPlan preprocessing(const V2Files& files, const JsonFields& configuration, std::size_t channels);
/// Without input channels and heads.
NetworkPlan network(const JsonFields& configuration, int dim);
/// The entry that plans before 2.5 lack, from what they have instead.
nlohmann::json old_architecture(const JsonFields& configuration);

/// The last part of a dotted name: "torch.nn.LeakyReLU" -> "LeakyReLU".
inline std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace nnunet::v2_parts
