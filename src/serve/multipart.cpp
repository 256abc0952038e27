#include "multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "nnunet/serve/http.h"
#include "url.h"

namespace nnunet::serve {
namespace {

[[noreturn]] void fail(const std::string& problem) {
  throw HttpError(400, "the form cannot be read: " + problem);
}

/// A line between two parts.
struct Delimiter {
  std::size_t begin = 0;  ///< where what stands before it ends
  std::size_t end = 0;    ///< where the next part begins
  bool last = false;
};

/// Finds the lines "--boundary" and "--boundary--".
class Delimiters {
 public:
  Delimiters(std::string_view body, const std::string& boundary) : body_(body), line_("\r\n--" + boundary) {}

  /// The first one, after a preamble that means nothing.
  std::optional<Delimiter> first() const {
    const std::string_view line = std::string_view(line_).substr(2);  // nothing needs to stand before it
    if (body_.starts_with(line))
      if (auto found = completed(0, line.size())) return found;
    return next(0);
  }

  std::optional<Delimiter> next(std::size_t from) const {
    for (;;) {
      const std::size_t at = body_.find(line_, from);
      if (at == std::string_view::npos) return std::nullopt;
      if (auto found = completed(at, at + line_.size())) return found;
      from = at + 2;  // a line of the content that begins alike
    }
  }

 private:
  std::optional<Delimiter> completed(std::size_t begin, std::size_t end) const {
    const bool last = body_.substr(end).starts_with("--");
    end = body_.find_first_not_of(" \t", end + (last ? 2 : 0));
    if (end == std::string_view::npos) return last ? std::optional(Delimiter{begin, body_.size(), true}) : std::nullopt;
    if (!body_.substr(end).starts_with("\r\n")) return std::nullopt;
    return Delimiter{begin, end + 2, last};
  }

  std::string_view body_;
  std::string line_;
};

bool is_boundary(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 70 && text.back() != ' ' && std::ranges::all_of(text, allowed);
}

/// The lines above a part's content, names in lower case.
std::map<std::string, std::string> part_headers(std::string_view text) {
  std::map<std::string, std::string> headers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t colon = line.find(':');
    const bool plain = std::ranges::none_of(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    if (!plain || colon == 0 || colon == std::string_view::npos || line.front() == ' ' || line.front() == '\t')
      fail("a part has a malformed header");
    const std::string name = lower_case(trimmed(line.substr(0, colon)));
    if (!headers.emplace(name, trimmed(line.substr(colon + 1))).second)
      fail(fmt::format("a part has the header {} twice", name));
  }
  return headers;
}

std::string without_path(std::string name) {
  name.erase(0, name.find_last_of("/\\") + 1);
  return name;
}

std::optional<std::string> filename_of(const HeaderValue& disposition) {
  const auto& parameters = disposition.parameters;
  if (const auto plain = parameters.find("filename"); plain != parameters.end()) return without_path(plain->second);
  const auto extended = parameters.find("filename*");  // UTF-8''image%20one.nii
  if (extended == parameters.end()) return std::nullopt;
  const std::string& text = extended->second;
  const std::string name = text.substr(text.rfind('\'') + 1);
  return without_path(percent_decoded(name, false).value_or(name));
}

void require_plain_content(const std::map<std::string, std::string>& headers) {
  if (const auto encoding = headers.find("content-transfer-encoding"); encoding != headers.end())
    if (const std::string way = lower_case(encoding->second); way != "binary" && way != "8bit" && way != "7bit")
      fail(fmt::format("a part is encoded as {}; send it as binary", way));
  if (const auto type = headers.find("content-type"); type != headers.end())
    if (lower_case(type->second).starts_with("multipart/")) fail("a part is a form itself");
}

struct Part {
  std::map<std::string, std::string> headers;
  std::string_view content;
};

Part read_part(std::string_view text) {
  if (text.starts_with("\r\n")) return {{}, text.substr(2)};  // without headers
  const std::size_t end = text.substr(0, max_part_header_bytes).find("\r\n\r\n");
  if (end == std::string_view::npos) fail("the headers of a part do not end, or are too long");
  Part part{part_headers(text.substr(0, end)), text.substr(end + 4)};
  require_plain_content(part.headers);
  return part;
}

std::string type_of(const Part& part) {
  const auto header = part.headers.find("content-type");
  if (header == part.headers.end()) return {};
  return lower_case(trimmed(std::string_view(header->second).substr(0, header->second.find(';'))));
}

FormPart form_part(const Part& part) {
  const auto header = part.headers.find("content-disposition");
  if (header == part.headers.end()) fail("a part has no Content-Disposition");
  const auto disposition = parse_header_value(header->second);
  if (!disposition || disposition->value != "form-data") fail("the Content-Disposition of a part is not form-data");
  const auto name = disposition->parameters.find("name");
  if (name == disposition->parameters.end()) fail("a part has no name");
  return {name->second, filename_of(*disposition), part.content, type_of(part)};
}

/// The parts in their order: take(part).
void for_each_part(const HeaderValue& content_type, std::string_view body, std::size_t max_parts,
                   const std::function<void(const Part&)>& take) {
  const auto boundary = content_type.parameters.find("boundary");
  if (boundary == content_type.parameters.end()) fail("Content-Type names no boundary");
  if (!is_boundary(boundary->second)) fail("the boundary in Content-Type is not valid");
  const Delimiters delimiters(body, boundary->second);
  auto at = delimiters.first();
  if (!at) fail("the boundary that Content-Type names is not in the body");
  for (std::size_t parts = 0; !at->last; ++parts) {
    const auto next = delimiters.next(at->end);
    if (!next) fail("it is cut off: its last boundary is missing");
    if (parts == max_parts) fail(fmt::format("it has more than {} parts", max_parts));
    take(read_part(body.substr(at->end, next->begin - at->end)));
    at = next;
  }
}

}  // namespace

std::vector<FormPart> parse_form(const HeaderValue& content_type, std::string_view body, std::size_t max_parts) {
  std::vector<FormPart> parts;
  for_each_part(content_type, body, max_parts, [&](const Part& part) { parts.push_back(form_part(part)); });
  return parts;
}

std::vector<RelatedPart> parse_related(const HeaderValue& content_type, std::string_view body, std::size_t max_parts) {
  std::vector<RelatedPart> parts;
  for_each_part(content_type, body, max_parts, [&](const Part& part) {
    parts.push_back({type_of(part), part.content});
  });
  return parts;
}

RelatedBody related_body(const RelatedPart& part) {
  std::string boundary;
  for (int i = 0; boundary.empty() || part.content.find(boundary) != std::string_view::npos; ++i)
    boundary = fmt::format("nnunet-part-{}", i);
  return {fmt::format("multipart/related; type=\"{}\"; boundary={}", part.type, boundary),
          fmt::format("--{0}\r\nContent-Type: {1}\r\n\r\n{2}\r\n--{0}--\r\n", boundary, part.type, part.content)};
}

}  // namespace nnunet::serve
