#include <gtest/gtest.h>

#include <filesystem>

#include "message_of.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/durable_move.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using test::TempFolder;

TEST(DurableMove, AFileReplacesAnother) {
  const TempFolder folder;
  write_text(folder / "a", "new");
  write_text(folder / "b", "old");
  move_file_durably(folder / "a", folder / "b");
  EXPECT_EQ(read_text(folder / "b"), "new");
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_NE(message_of([&] { move_file_durably(folder / "a", folder / "b"); }).find("/a: "), std::string::npos);
  write_text(folder / "c", "kept");
  EXPECT_NE(message_of([&] { move_file_durably(folder / "c", folder / "absent/c"); }).find("absent/c: "),
            std::string::npos);
  EXPECT_EQ(read_text(folder / "c"), "kept");
}

TEST(DurableMove, AFolderTakesItsContentAlong) {
  const TempFolder folder;
  for (const char* const name : {"from", "to", "other"}) make_private_folder(folder / name);
  write_text(folder / "from/x", "1");
  write_text(folder / "other/y", "2");
  move_folder_durably(folder / "from", folder / "to");
  EXPECT_EQ(read_text(folder / "to/x"), "1");
  EXPECT_NE(message_of([&] { move_folder_durably(folder / "to", folder / "other"); }), "") << "it is not empty";
  EXPECT_EQ(read_text(folder / "other/y"), "2");
}

TEST(DurableMove, PrivateFoldersAreTheirUsersAlone) {
  const TempFolder folder;
  make_private_folder(folder / "a");
  make_private_folder(folder / "a");
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::perms::owner_all);
  write_text(folder / "file", "");
  EXPECT_NE(message_of([&] { make_private_folder(folder / "file"); }).find("cannot be made"), std::string::npos);
  EXPECT_NE(message_of([&] { make_private_folder(folder / "absent/b"); }).find("cannot be made"), std::string::npos);
}

}  // namespace
}  // namespace nnunet
