#include "nnunet/dicom/send.h"

#include <fmt/format.h>

#include <charconv>

#include "ae_title.h"
#include "nnunet/core/error.h"
#include "nnunet/http/http_client.h"
#include "nnunet/io/atomic_file.h"
#include "object_library.h"
#include "uids.h"

namespace nnunet::dicom {
namespace {

/// STOW-RS: a request for each file, so that one is in memory at a time.
void store_over_web(const std::vector<std::filesystem::path>& files, const Destination& destination,
                    const SendOptions& options) {
  HttpClient client;
  if (!options.trust.empty()) client.trust(options.trust.string());
  for (const auto& file : files) {
    const StowBody body = stow_body({file});
    HttpCall call{.method = "POST",
                  .url = destination.url + "/studies",
                  .headers = {"Content-Type: " + body.content_type, "Accept: application/dicom+json"},
                  .body = body.bytes,
                  .connect = options.timeout};
    if (!options.authorization.empty()) call.headers.push_back("Authorization: " + options.authorization);
    const HttpReply reply = client.send(call);
    if (!reply.broken.empty())
      throw Error(destination.name(), "gives no answer: " + reply.broken, "see that the service runs there");
    if (reply.status != 200)  // 202: some objects were not stored
      throw Error(
          destination.name(), fmt::format("refused {} with the status {}", file.string(), reply.status),
          reply.status == 401 || reply.status == 403 ? "it asks for another authorization" : "its log says why");
  }
}

}  // namespace

std::string Destination::name() const {
  if (url.empty()) return fmt::format("{}@{}:{}", called_ae, host, port);
  const std::size_t from = url.find("//") + 2, user = url.find('@', from);
  if (user == std::string::npos || user > url.find('/', from)) return url;
  return url.substr(0, from) + url.substr(user + 1);
}

Destination parse_destination(const std::string& text, const std::string& option) {
  Destination destination;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    destination.url = text;
    while (destination.url.ends_with('/')) destination.url.pop_back();
    return destination;
  }
  const std::size_t at = text.find('@'), colon = text.rfind(':');
  if (at != std::string::npos && colon != std::string::npos && colon > at + 1) {
    destination.called_ae = text.substr(0, at);
    destination.host = text.substr(at + 1, colon - at - 1);
    const char* const end = text.data() + text.size();
    const auto [read, code] = std::from_chars(text.data() + colon + 1, end, destination.port);
    if (code == std::errc{} && read == end && destination.port > 0 && is_ae_title(destination.called_ae))
      return destination;
  }
  throw Error(
      option, fmt::format("\"{}\" is no destination", text),
      "give a node as AETITLE@host:port (a title has at most 16 letters), or the http address of a DICOMweb service");
}

StowBody stow_body(const std::vector<std::filesystem::path>& files) {
  const std::string boundary = "nnunet-" + new_uid();
  std::string bytes;
  for (const auto& file : files)
    bytes += "--" + boundary + "\r\nContent-Type: application/dicom\r\n\r\n" + read_text(file, std::size_t{1} << 32U) +
             "\r\n";
  bytes += "--" + boundary + "--\r\n";
  return {fmt::format("multipart/related; type=\"application/dicom\"; boundary={}", boundary), std::move(bytes)};
}

void check_options(const SendOptions& options) {
  require_ae_title(options.calling_ae);
}

void send_objects(const std::vector<std::filesystem::path>& files, const Destination& destination,
                  const SendOptions& options) {
  check_options(options);
  if (!destination.url.empty()) return store_over_web(files, destination, options);
  object_library().c_store(files, destination, options);
}

}  // namespace nnunet::dicom
