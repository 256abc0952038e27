#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

namespace nnunet {

/// What a model of nnU-Net v2 is: a folder, zip or checkpoint that is_v2_model knows. tensors: list every tensor of the
/// first fold. Throws Error.
nlohmann::ordered_json describe_v2(const std::filesystem::path& path, bool tensors);

}  // namespace nnunet
