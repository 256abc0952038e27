#include "dicom/dcmtk/elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace nnunet::dicom {
namespace {

constexpr std::size_t kDecimalLength = 16;    // of DS
constexpr std::size_t kCodeLength = 16;       // of SH
constexpr std::size_t kShortTextLength = 64;  // of LO, in characters

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

void require(const OFCondition& condition) {
  if (condition.bad()) throw std::logic_error(fmt::format("a DICOM element cannot be made: {}", condition.text()));
}

void silence_dcmtk() {
  static std::once_flag once;
  std::call_once(once, [] { OFLog::configure(OFLogger::OFF_LOG_LEVEL); });
}

void put(DcmItem& item, const DcmTagKey& tag, DcmEVR kind, const std::string& text) {
  require(item.putAndInsertString(DcmTag(tag, DcmVR(kind)), text.c_str(), static_cast<Uint32>(text.size())));
}

void put(DcmItem& item, const DcmTagKey& tag, std::uint16_t number) {
  require(item.putAndInsertUint16(DcmTag(tag, DcmVR(EVR_US)), number));
}

void put(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint16_t>& numbers) {
  require(item.putAndInsertUint16Array(DcmTag(tag, DcmVR(EVR_US)), numbers.data(), numbers.size()));
}

void put_long(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint32_t>& numbers) {
  require(item.putAndInsertUint32Array(DcmTag(tag, DcmVR(EVR_UL)), numbers.data(), numbers.size()));
}

void put_tag(DcmItem& item, const DcmTagKey& tag, const DcmTagKey& value) {
  require(item.putAndInsertTagKey(DcmTag(tag, DcmVR(EVR_AT)), value));
}

void put_code(DcmItem& item, const DcmTagKey& sequence, const Code& code) {
  DcmItem& entry = add_item(item, sequence);
  if (code.value.size() <= kCodeLength)
    put(entry, DCM_CodeValue, EVR_SH, code.value);
  else
    put(entry, DCM_LongCodeValue, EVR_UC, code.value);
  put(entry, DCM_CodingSchemeDesignator, EVR_SH, code.scheme);
  put(entry, DCM_CodeMeaning, EVR_LO, short_text(code.meaning));
}

void put_bytes(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint8_t>& bytes) {
  require(item.putAndInsertUint8Array(DcmTag(tag, DcmVR(EVR_OB)), bytes.data(), bytes.size()));
}

void put_words(DcmItem& item, const DcmTagKey& tag, const std::vector<std::uint16_t>& words) {
  require(item.putAndInsertUint16Array(DcmTag(tag, DcmVR(EVR_OW)), words.data(), words.size()));
}

DcmItem& add_item(DcmItem& item, const DcmTagKey& sequence) {
  constexpr int at_the_end = -2;
  DcmItem* added = nullptr;
  require(item.findOrCreateSequenceItem(DcmTag(sequence, DcmVR(EVR_SQ)), added, at_the_end));
  return *added;
}

std::string short_text(std::string_view utf8) {
  std::string text;
  std::size_t characters = 0;
  for (const char c : utf8) {
    if (!continues_character(c) && characters++ == kShortTextLength) break;
    const bool control = static_cast<unsigned char>(c) < 0x20U || c == 0x7F;
    text += c == '\\' ? '/' : control ? ' ' : c;
  }
  return text;
}

std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  for (int digits = kDecimalLength; text.size() > kDecimalLength; --digits)
    text = fmt::format("{:.{}g}", value, digits);
  return text;
}

std::string decimals(std::span<const double> values) {
  std::string text;
  for (const double value : values) {
    if (!text.empty()) text += '\\';
    text += decimal(value);
  }
  return text;
}

}  // namespace nnunet::dicom
