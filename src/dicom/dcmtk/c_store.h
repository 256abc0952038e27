#pragma once
#include "nnunet/dicom/send.h"

namespace nnunet::dicom {

/// send_objects to a node.
void c_store(const std::vector<std::filesystem::path>& files, const Destination& destination,
             const SendOptions& options);

}  // namespace nnunet::dicom
