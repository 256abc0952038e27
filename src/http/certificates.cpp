#include "certificates.h"

#include <cstdlib>
#include <filesystem>

namespace nnunet {

std::string system_certificates() {
  if (const char* const named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') return named;
  for (const char* const file : {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Gentoo
                                 "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, Red Hat
                                 "/etc/ssl/ca-bundle.pem",              // openSUSE
                                 "/etc/ssl/cert.pem"}) {                // Alpine
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) return file;
  }
  return "";
}

}  // namespace nnunet
