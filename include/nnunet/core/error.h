#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace nnunet {

/// The one exception that the library throws for bad input, bad options and failed I/O.
/// what() reads "SUBJECT: PROBLEM. REMEDY."; each part is a phrase without a final full stop.
///   throw Error(path.string(), "the file is truncated", "fetch it again");
class Error : public std::runtime_error {
 public:
  /// subject: the file, case or option at fault (may be empty); remedy: what the user can do (may be empty).
  Error(std::string_view subject, std::string_view problem, std::string_view remedy = {});
};

/// A file or folder cannot be written: no space, no permission, no such place. A server whose own files these are tells
/// it from bad input.
class WriteError : public Error {
 public:
  using Error::Error;
};

}  // namespace nnunet
