#pragma once
#include <filesystem>
#include <optional>
#include <string>

/// Older datasets as nnU-Net v2's, written into $nnUNet_raw. The new folder appears when all of it is there; what is
/// read is never changed.
namespace nnunet::v2 {

/// A folder TaskNN_Name of the Medical Segmentation Decathlon (imagesTr, imagesTs, labelsTr, dataset.json) ->
/// DatasetNNN_Name (or `id`): 3D images copied as CASE_0000, 4D ones split by channel, labels copied. Returns its name.
/// Throws Error: folders or keys are missing, the number is taken in one of nnU-Net's three folders, a file fails
/// (after all were tried, each being named on the log).
std::string convert_decathlon(const std::filesystem::path& folder, std::optional<int> id, int threads);

/// A raw dataset of nnU-Net v1 (TaskNNN_Name: imagesTr, labelsTr, dataset.json, perhaps imagesTs, labelsTs, imagesVal,
/// labelsVal) -> the dataset of that name, DatasetNNN_Name. Files are copied, dataset.json is rewritten. Throws Error
/// as above.
void convert_nnunet_v1(const std::filesystem::path& folder, const std::string& name, int threads);

}  // namespace nnunet::v2
