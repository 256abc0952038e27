#pragma once
#include <filesystem>

#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {

/// Makes `folder` a raw dataset in nnU-Net v2's form of one that lies elsewhere, a Decathlon folder too: dataset.json,
/// splits_final.json where there is one, and links to images and label maps, of which nothing is copied. Links that are
/// there are set anew where they lead elsewhere. Throws Error: the folder cannot be written, something else has a
/// link's name.
void link_dataset(const RawDataset& dataset, const std::filesystem::path& folder);

}  // namespace nnunet::v2
