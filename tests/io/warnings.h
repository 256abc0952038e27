#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace nnunet::test {

/// What the call writes to stderr, where warnings go.
inline std::string warnings_of(const std::function<void()>& call) {
  testing::internal::CaptureStderr();
  try {
    call();
  } catch (...) {
    testing::internal::GetCapturedStderr();
    throw;
  }
  return testing::internal::GetCapturedStderr();
}

}  // namespace nnunet::test

/// The text holds this part.
#define EXPECT_HAS(text, part)                                           \
  do {                                                                   \
    const std::string text_ = (text);                                    \
    EXPECT_NE(text_.find(part), std::string::npos) << "text: " << text_; \
  } while (false)
