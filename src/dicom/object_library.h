#pragma once
#include "nnunet/dicom/object.h"
#include "nnunet/dicom/send.h"
#include "nnunet/dicom/storage_server.h"

namespace nnunet::dicom {

/// What libnnunet_dicom_objects does with DCMTK.
struct ObjectLibrary {
  /// write_object
  void (*write)(const Array<std::uint16_t>& labels, const Series& series, const ObjectOptions& options, ObjectType type,
                const std::filesystem::path& path);
  /// send_objects to a node.
  void (*c_store)(const std::vector<std::filesystem::path>& files, const Destination& destination,
                  const SendOptions& options);
  /// listen_for_instances, with options that were looked at.
  std::unique_ptr<StorageServer> (*listen)(const StorageServerOptions& options, StorageHandler& handler);
};

inline constexpr const char* kObjectLibraryFile = "libnnunet_dicom_objects.so";

/// Loads it at the first call. Throws Error where it is missing.
const ObjectLibrary& object_library();

/// Its one symbol. The number says how this header and those of objects were when it was built: another one is refused.
inline constexpr int kObjectLibraryVersion = 3;

}  // namespace nnunet::dicom
