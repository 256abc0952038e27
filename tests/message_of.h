#pragma once
#include <functional>
#include <string>

#include "nnunet/core/error.h"

namespace nnunet::test {

/// What the Error says that an action throws; empty where it throws none.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace nnunet::test
