#include "nnunet/core/version.h"

#include <gtest/gtest.h>

#include <regex>

namespace nnunet {
namespace {

TEST(ProgramVersion, IsAVersionAndACommitIfThatIsKnown) {
  const std::regex form(R"([0-9]+\.[0-9]+\.[0-9]+(\+[0-9a-f]{7,40}(\.changed)?)?)");
  EXPECT_TRUE(std::regex_match(program_version(), form)) << program_version();
}

}  // namespace
}  // namespace nnunet
