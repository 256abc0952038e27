#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "nnunet.h"

/// What a failed call hands over.
struct nnunet_status {
  nnunet_code code = NNUNET_INTERNAL;
  std::string message;
};

namespace nnunet::c_api {

/// A fault of the calling program: "labels: has the shape ..".
struct InvalidCall : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Of the exception that is being handled; refused: the code of an Error. Never null.
nnunet_status* status_of_exception(nnunet_code refused) noexcept;

/// Runs a function of the interface; what it throws becomes a status.
template <class Body>
nnunet_status* guarded(nnunet_code refused, const Body& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (...) {
    return status_of_exception(refused);
  }
}

/// Throws InvalidCall for JSON that is not what `giver`, a function of the interface, makes; reason: of the parser.
[[noreturn]] void refuse_json(std::string_view reason, std::string_view giver);

/// Throws InvalidCall for null.
void require(const void* pointer, const char* name);

}  // namespace nnunet::c_api
