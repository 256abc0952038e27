#include "nnunet/core/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nnunet/core/log_receiver.h"

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

TEST(LogReceiver, TakesWhatWouldGoToStderr) {
  std::vector<std::string> got;
  log::set_receiver([&](log::Level level, std::string_view message) {
    got.push_back(std::to_string(static_cast<int>(level)) + std::string(message));
  });
  testing::internal::CaptureStderr();
  log::info("a");
  log::warn("b");
  log::error("c");
  log::set_receiver(log::Receiver());
  log::error("d");
  log::set_receiver(std::nullopt);
  log::error("e");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: e\n");
  EXPECT_EQ(got, (std::vector<std::string>{"0a", "1b", "2c"}));
}

}  // namespace
}  // namespace nnunet
