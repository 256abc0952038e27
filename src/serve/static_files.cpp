#include "static_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <system_error>

#include "header_tokens.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/names.h"

namespace nnunet::serve {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes = std::size_t{32} << 20;

/// Empty for files that are not served.
std::string content_type(const fs::path& path) {
  static const std::map<std::string, std::string> types{{".html", "text/html; charset=utf-8"},
                                                        {".css", "text/css; charset=utf-8"},
                                                        {".js", "text/javascript; charset=utf-8"},
                                                        {".svg", "image/svg+xml"},
                                                        {".txt", "text/plain; charset=utf-8"},
                                                        {".png", "image/png"},
                                                        {".json", "application/json"}};
  const auto type = std::ranges::find_if(types, [&](const auto& t) { return has_suffix(path, t.first); });
  return type == types.end() ? std::string() : type->second;
}

std::string packed(const std::string& body) {
  const std::vector<std::byte> bytes = gzip(std::as_bytes(std::span(body)));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether gzip is named in Accept-Encoding, and not with q=0.
bool takes_gzip(const std::string& accept) {
  return std::ranges::any_of(header_list(accept), [](std::string_view part) {
    const auto coding = parse_header_value(part);
    if (!coding || (coding->value != "gzip" && coding->value != "x-gzip")) return false;
    const auto quality = coding->parameters.find("q");
    return quality == coding->parameters.end() || quality->second.find_first_of("123456789") != std::string::npos;
  });
}

bool has_already(const std::string& if_none_match, const std::string& tag) {
  return std::ranges::any_of(header_list(if_none_match), [&](std::string_view part) {
    if (part.starts_with("W/")) part.remove_prefix(2);  // what a proxy may have made of it
    return part == tag || part == "*";
  });
}

/// What the page may do: load what this server has, draw pictures that its scripts hold (NiiVue's letters), be in no
/// other page's frame.
constexpr const char* content_policy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace

StaticFiles::StaticFiles(const fs::path& folder) {
  if (folder.empty()) return;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure)) {
    const std::string type = content_type(entry.path());
    if (type.empty() || !entry.is_regular_file()) continue;
    File file{type, {}, {}};
    file.plain.body = read_text(entry.path(), file_bytes);
    file.plain.tag = '"' + digest_of(file.plain.body, DigestKind::sha256).substr(0, 32) + '"';
    if (std::string small = packed(file.plain.body); small.size() < file.plain.body.size())
      file.packed = {std::move(small), file.plain.tag.substr(0, file.plain.tag.size() - 1) + "-gzip\""};
    files_.emplace(entry.path().filename().string(), std::move(file));
  }
  if (failure) throw Error(folder.string(), "cannot be read: " + failure.message(), "choose another --page");
}

HttpResponse StaticFiles::answer(const HttpRequest& request, const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) throw HttpError(404, "not found");
  const File& file = found->second;
  const bool pack = !file.packed.body.empty() && takes_gzip(request.header("accept-encoding"));
  const Form& form = pack ? file.packed : file.plain;
  HttpResponse response{200, file.type, {}};
  response.headers = {{"ETag", form.tag},
                      {"Vary", "Accept-Encoding"},
                      {"Cache-Control", "no-cache"},  // kept, but asked for again with its tag
                      {"Content-Security-Policy", content_policy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (has_already(request.header("if-none-match"), form.tag)) {
    response.status = 304;
    return response;
  }
  if (pack) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = form.body;
  return response;
}

}  // namespace nnunet::serve
