#pragma once
#include <exception>
#include <string>
#include <string_view>

namespace nnunet {

/// The message for a case that is left out: names the case once.
inline std::string case_failure(const std::string& name, const std::exception& e) {
  const std::string_view what = e.what();
  return what.starts_with(name + ":") ? std::string(what) : "case " + name + " failed: " + std::string(what);
}

}  // namespace nnunet
