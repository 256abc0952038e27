#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "nnunet/core/error.h"
#include "nnunet/io/pending_folder.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(PendingFolder, AppearsWholeOrNotAtAll) {
  const TempFolder folder;
  const fs::path target = folder / "new/folder";
  {
    const PendingFolder pending(target);
    std::ofstream(pending.path() / "a") << "content";
    EXPECT_FALSE(fs::exists(target));
  }
  EXPECT_EQ(entries(folder / "new"), 0);
  PendingFolder pending(target);
  std::ofstream(pending.path() / "a") << "content";
  pending.commit();
  EXPECT_EQ(entries(folder / "new"), 1);
  EXPECT_TRUE(fs::exists(target / "a"));
  EXPECT_THROW(PendingFolder{target}, Error);
}

TEST(PendingFolder, NeverReplacesWhatCameMeanwhile) {
  const TempFolder folder;
  PendingFolder pending(folder / "x");
  fs::create_directory(folder / "x");
  EXPECT_THROW(pending.commit(), Error);
  EXPECT_TRUE(fs::is_empty(folder / "x"));
}

TEST(PendingFolder, WhatAnEndedProcessLeftIsRemoved) {
  const TempFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const PendingFolder pending(folder / "x");
    std::ofstream(pending.path() / "a") << "half";
    std::_Exit(0);  // as if killed: nothing is cleaned up
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(entries(folder.path()), 1);
  PendingFolder pending(folder / "x");
  EXPECT_EQ(entries(folder.path()), 1);
  EXPECT_TRUE(fs::is_empty(pending.path()));
  const fs::path other = folder / ".x.tmp.00000000.1.1";  // of another machine
  fs::create_directory(other);
  pending.commit();
  EXPECT_THROW(PendingFolder{folder / "x"}, Error);
  fs::remove_all(folder / "x");
  const PendingFolder again(folder / "x");
  EXPECT_TRUE(fs::exists(other));
}

}  // namespace
}  // namespace nnunet
