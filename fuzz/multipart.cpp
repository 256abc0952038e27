// A body of several parts: the first line is Content-Type, the rest the body. What is read of a form is written as
// one and read back the same; what is read of multipart/related lies in the body.
#include "serve/multipart.h"

#include <algorithm>

#include "nnunet/serve/http.h"
#include "scratch_file.h"

using namespace nnunet;

namespace {

/// As `curl -F` writes it, with a boundary that is in none of the parts. Names that a quoted string cannot hold change.
std::string written(const std::vector<serve::FormPart>& parts, const std::string& boundary) {
  std::string body;
  for (const serve::FormPart& part : parts) {
    body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"n\"";
    if (part.filename) body += "; filename=\"f\"";
    body += "\r\n\r\n" + std::string(part.content) + "\r\n";
  }
  return body + "--" + boundary + "--\r\n";
}

void related(const serve::HeaderValue& type, std::string_view body) {
  constexpr std::size_t most = 1000;
  const char* end = body.data();
  try {
    for (const serve::RelatedPart& part : serve::parse_related(type, body, most)) {
      fuzz::require(part.content.data() >= end);
      end = part.content.data() + part.content.size();
      const serve::RelatedBody again = serve::related_body({"a/b", part.content});
      const auto parts = serve::parse_related(*serve::parse_header_value(again.content_type), again.bytes, 1);
      fuzz::require(parts.size() == 1 && parts[0].content == part.content && parts[0].type == "a/b");
    }
  } catch (const serve::HttpError&) {
  }
  fuzz::require(end <= body.data() + body.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), size);
  const std::string_view body = input.substr(std::min(line + 1, size));
  const auto type = serve::parse_header_value(input.substr(0, line));
  if (!type) return 0;
  related(*type, body);
  std::vector<serve::FormPart> parts;
  try {
    parts = serve::parse_form(*type, body);
  } catch (const serve::HttpError&) {
    return 0;
  }
  const char* end = body.data();
  for (const serve::FormPart& part : parts) {  // one after the other, all within the body
    fuzz::require(part.content.data() >= end);
    end = part.content.data() + part.content.size();
    if (part.filename) fuzz::require(part.filename->find_first_of("/\\") == std::string::npos);
  }
  fuzz::require(end <= body.data() + body.size());
  std::string boundary = "b";
  while (body.find(boundary) != std::string_view::npos && boundary.size() < 70) boundary += 'b';
  if (body.find(boundary) != std::string_view::npos) return 0;
  const std::string text = written(parts, boundary);
  const auto again = serve::parse_form({"multipart/form-data", {{"boundary", boundary}}}, text);
  fuzz::require(again.size() == parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    fuzz::require(again[i].content == parts[i].content);
    fuzz::require(again[i].filename.has_value() == parts[i].filename.has_value());
  }
  return 0;
}
