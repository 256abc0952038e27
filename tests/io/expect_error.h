#pragma once
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>

#include "nnunet/core/error.h"

namespace nnunet::test {

inline void save(const std::filesystem::path& path, std::span<const std::byte> content) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

inline void save(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// The message of the Error that the call throws; "no error" if it throws none.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace nnunet::test

/// The call throws Error with this text in its message.
#define EXPECT_ERROR(call, part)                                                  \
  do {                                                                            \
    const std::string message_ = nnunet::test::error_of([&] { (void)(call); });   \
    EXPECT_NE(message_.find(part), std::string::npos) << "message: " << message_; \
  } while (false)
