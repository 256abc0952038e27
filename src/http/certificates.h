#pragma once
#include <string>

namespace nnunet {

/// Where this system keeps the certificates that it trusts (PEM): what SSL_CERT_FILE names, else the file of whichever
/// distribution it is; empty: none is found. libcurl knows only the place of the system that it was built on.
std::string system_certificates();

}  // namespace nnunet
