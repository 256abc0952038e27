#include "nnunet/core/log.h"

#include <gtest/gtest.h>

namespace nnunet {
namespace {

std::string logged(const std::string& text) {
  testing::internal::CaptureStderr();
  log::warn_once(text);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, AWarningIsSaidOnce) {
  EXPECT_EQ(logged("a.nii: doubtful"), "warning: a.nii: doubtful\n");
  EXPECT_EQ(logged("a.nii: doubtful"), "");
  EXPECT_EQ(logged("b.nii: doubtful"), "warning: b.nii: doubtful\n");
  EXPECT_EQ(logged("a.nii: doubtful"), "");
}

}  // namespace
}  // namespace nnunet
