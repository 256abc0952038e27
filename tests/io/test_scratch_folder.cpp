#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "nnunet/io/scratch_folder.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// TMPDIR is another folder while it lives.
class ScratchFolders : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* former = std::getenv("TMPDIR")) former_ = former;
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
  }
  void TearDown() override {
    if (former_.empty())
      ::unsetenv("TMPDIR");
    else
      ::setenv("TMPDIR", former_.c_str(), 1);
  }

  test::TempFolder folder_;
  std::string former_;
};

TEST_F(ScratchFolders, GoWithWhatTheyHold) {
  {
    const ScratchFolder folder;
    EXPECT_EQ(folder.path().parent_path(), folder_.path());
    EXPECT_EQ(fs::status(folder.path()).permissions(), fs::perms::owner_all);
    std::ofstream(folder.path() / "0000001.dcm") << "x";
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(ScratchFolders, OfKilledProcessesAreRemovedByTheNext) {
  const ScratchFolder ours;
  const fs::path foreign = folder_ / "nnunet-notes";
  fs::create_directory(foreign);
  const pid_t child = ::fork();
  if (child == 0) {
    const ScratchFolder left;
    std::ofstream(left.path() / "0000001.dcm") << "x";
    ::_exit(0);  // without destructors, as a killed process
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto count = [&] { return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()); };
  EXPECT_EQ(count(), 3);
  const ScratchFolder next;
  EXPECT_EQ(count(), 3);  // ours, the next one and what is of somebody else
  EXPECT_TRUE(fs::exists(ours.path()));
  EXPECT_TRUE(fs::exists(foreign));
}

}  // namespace
}  // namespace nnunet
