#pragma once
#include <string_view>

namespace nnunet {

/// Whether an address to listen at, as options have it, is only reached from this machine.
inline bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace nnunet
