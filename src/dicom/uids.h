#pragma once
#include <string>
#include <string_view>

namespace nnunet::dicom {

/// Digits and dots, at most 64 of them (PS3.5, 9.1), no component empty.
bool is_valid_uid(std::string_view uid);

/// A UID for what has none: below 2.25, the same one for the same text.
std::string invented_uid(std::string_view of);

/// A UID that nobody else has: "2.25." and a random UUID as a decimal number (PS3.5 B.2). Throws Error where the system
/// has no random numbers.
std::string new_uid();

}  // namespace nnunet::dicom
