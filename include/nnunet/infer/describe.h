#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace nnunet {

/// What a checkpoint, a model of nnU-Net v2 (folder, zip, .pth), a preprocessed folder, a dataset folder, a NIfTI or a
/// .npy file holds. `problems` lists what
/// could not be read. tensors: list every tensor of a checkpoint. Throws Error when it is none of these, or cannot be
/// read at all.
nlohmann::ordered_json describe(const std::filesystem::path& path, bool tensors);

/// The same for people: "key: value" lines, tables for lists of objects.
std::string description_text(const nlohmann::ordered_json& json, int indent = 0);

}  // namespace nnunet
