#include "nnunet/dicom/storage_server.h"

#include <fmt/format.h>

#include "ae_title.h"
#include "nnunet/core/error.h"
#include "nnunet/core/loopback.h"
#include "object_library.h"

namespace nnunet::dicom {

AllowedCaller parse_allowed_caller(const std::string& text, const std::string& option) {
  if (text == "any") return {};
  const std::size_t at = text.find('@');
  AllowedCaller caller{text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
  if (!is_ae_title(caller.ae_title) || (at != std::string::npos && caller.host.empty()))
    throw Error(option, fmt::format("\"{}\" is no caller", text),
                "give an AE title of at most 16 letters, AETITLE@host, or any");
  return caller;
}

std::unique_ptr<StorageServer> listen_for_instances(const StorageServerOptions& options, StorageHandler& handler) {
  require_ae_title(options.ae_title);
  if (options.allowed.empty() && !is_loopback(options.host))
    throw Error("--allow", fmt::format("is not given, and {} can be reached from other machines", options.host),
                "name the callers that may send (AETITLE@host), or give --allow any");
  if (options.certificate.empty() != options.key.empty())
    throw Error("--tls_cert and --tls_key", "one is given without the other", "give both, or none");
  if (!options.trust.empty() && options.certificate.empty())
    throw Error("--tls_ca", "is given without --tls_cert", "give the certificate and key of this node, too");
  return object_library().listen(options, handler);
}

}  // namespace nnunet::dicom
