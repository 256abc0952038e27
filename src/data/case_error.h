#pragma once
#include <string>

#include "nnunet/core/error.h"

namespace nnunet {

/// The same error about a case: its text without the final full stop is the problem.
inline Error error_of_case(const std::string& name, const Error& error) {
  std::string text = error.what();
  if (text.ends_with('.')) text.pop_back();
  return {"case " + name, text};
}

}  // namespace nnunet
