#pragma once
#include <string>

namespace nnunet::dicom {

/// A UID that nobody else has: "2.25." and a random UUID as a decimal number (PS3.5 B.2). Throws Error where the system
/// has no random numbers.
std::string new_uid();

}  // namespace nnunet::dicom
