#pragma once
#include <string>
#include <string_view>

namespace nnunet::dicom {

/// Digits and dots, at most 64 of them (PS3.5, 9.1), no component empty.
bool is_valid_uid(std::string_view uid);

/// A UID for what has none: below 2.25, the same one for the same text.
std::string invented_uid(std::string_view of);

}  // namespace nnunet::dicom
