#pragma once
#include <memory>

#include "nnunet/dicom/storage_server.h"

namespace nnunet::dicom {

/// listen_for_instances, with options that were looked at.
std::unique_ptr<StorageServer> start_storage_server(const StorageServerOptions& options, StorageHandler& handler);

}  // namespace nnunet::dicom
