#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/dcmtk/dcmtk.h"
#include "nnunet/dicom/codes.h"

/// Elements of DICOM data sets. The kind of value is said each time, so that writing needs no dictionary file.
namespace nnunet::dicom {

/// Text of any of the kinds for text and decimal numbers; several values are parted by '\'. Empty: the element is there
/// without a value.
void put(DcmItem& item, const DcmTagKey& tag, DcmEVR kind, const std::string& text);
/// US
void put(DcmItem& item, const DcmTagKey& tag, std::uint16_t number);
void put(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint16_t>& numbers);
/// UL
void put_long(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint32_t>& numbers);
/// AT
void put_tag(DcmItem& item, const DcmTagKey& tag, const DcmTagKey& value);
/// A sequence of one code.
void put_code(DcmItem& item, const DcmTagKey& sequence, const Code& code);
/// OB
void put_bytes(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint8_t>& bytes);
/// OW
void put_words(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint16_t>& words);

/// A new item at the end of the sequence, which is made where there is none.
DcmItem& add_item(DcmItem& item, const DcmTagKey& sequence);

/// LO: at most 64 characters; '\' and control characters, which it cannot have, become '/' and spaces.
std::string short_text(std::string_view utf8);
/// DS: the number with as many digits as 16 characters hold, several parted by '\'.
std::string decimal(double value);
std::string decimals(std::span<const double> values);

/// Throws std::logic_error: what is put together here is right, unless memory is short.
void require(const OFCondition& condition);
/// DCMTK's messages quote values of elements; none of them is shown.
void silence_dcmtk();

}  // namespace nnunet::dicom
