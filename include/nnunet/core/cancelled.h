#pragma once
#include <exception>

namespace nnunet {

/// Ends what nobody waits for any more.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "cancelled"; }
};

}  // namespace nnunet
