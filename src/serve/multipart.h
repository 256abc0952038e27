#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "header_tokens.h"

/// Bodies of several parts: forms with files in them, as `curl -F` and browsers send them (multipart/form-data, RFC
/// 7578), and files that belong together, as DICOMweb's clients send them (multipart/related, RFC 2387).
namespace nnunet::serve {

inline constexpr std::size_t max_form_parts = 64;
inline constexpr std::size_t max_part_header_bytes = 8 * 1024;

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  ///< without its path, for messages only; nothing: the part is no file
  std::string_view content;             ///< lies in the body
  std::string type = {};                ///< its Content-Type in lower case, without parameters; may be empty
};

/// The parts in their order. Throws HttpError(400) for a form that is malformed, cut off or beyond the limits.
std::vector<FormPart> parse_form(const HeaderValue& content_type, std::string_view body,
                                 std::size_t max_parts = max_form_parts);

struct RelatedPart {
  std::string type;          ///< its Content-Type in lower case, without parameters; may be empty
  std::string_view content;  ///< lies in the body
};

/// The same for multipart/related.
std::vector<RelatedPart> parse_related(const HeaderValue& content_type, std::string_view body, std::size_t max_parts);

/// A body of one part, and the Content-Type that goes with it.
struct RelatedBody {
  std::string content_type, bytes;
};
RelatedBody related_body(const RelatedPart& part);

}  // namespace nnunet::serve
