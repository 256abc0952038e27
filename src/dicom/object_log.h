#pragma once

namespace nnunet::dicom {

/// For a library that holds this code apart from libnnunet_infer, on which the library of objects stands (the C
/// interface): what libnnunet_infer says while objects are written goes to this copy's log from now on. Does nothing
/// where the library of objects is missing, or both are one copy.
void receive_object_log();

}  // namespace nnunet::dicom
