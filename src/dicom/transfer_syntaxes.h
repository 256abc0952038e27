#pragma once
#include <algorithm>
#include <array>
#include <string_view>

/// Transfer syntaxes that are read (docs/dicom.md).
namespace nnunet::dicom {

inline constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";
/// Implicit, explicit, explicit with the largest byte first, deflated.
inline constexpr std::array<std::string_view, 4> kNative{"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                                         "1.2.840.10008.1.2.2", kDeflated};
inline constexpr std::array<std::string_view, 13> kPacked{
    "1.2.840.10008.1.2.1.98",  // fragments that are not packed
    "1.2.840.10008.1.2.5",     // RLE
    "1.2.840.10008.1.2.4.50",  "1.2.840.10008.1.2.4.51",  "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",  // JPEG
    "1.2.840.10008.1.2.4.80",  "1.2.840.10008.1.2.4.81",                             // JPEG-LS
    "1.2.840.10008.1.2.4.90",  "1.2.840.10008.1.2.4.91",                             // JPEG 2000
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"  // its high-throughput form
};

inline bool is_native(std::string_view syntax) {
  return std::ranges::find(kNative, syntax) != kNative.end();
}
inline bool is_known(std::string_view syntax) {
  return is_native(syntax) || std::ranges::find(kPacked, syntax) != kPacked.end();
}

}  // namespace nnunet::dicom
