#include "nnunet/io/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

/// While it lives, files cannot grow beyond this size: what a full disk looks like to a program.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// While it lives, root has only the rights of others.
class WithoutRoot {
 public:
  WithoutRoot() { active_ = geteuid() != 0 || seteuid(65534) == 0; }
  ~WithoutRoot() {
    if (getuid() == 0) {
      const int code = seteuid(0);
      (void)code;
    }
  }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;
  bool active() const { return active_; }

 private:
  bool active_ = false;
};

}  // namespace

TEST(AtomicFile, WritesAndReplaces) {
  const TempFolder folder;
  write_text(folder / "a/b/c.txt", "one");  // makes the folders
  EXPECT_EQ(read_text(folder / "a/b/c.txt"), "one");
  write_text(folder / "a/b/c.txt", "");
  EXPECT_EQ(read_text(folder / "a/b/c.txt"), "");
  EXPECT_EQ(names_in(folder / "a/b"), std::vector<std::string>{"c.txt"});
}

TEST(AtomicFile, FinalNameAppearsOnlyAtTheEnd) {
  const TempFolder folder;
  write_text(folder / "x", "old");
  write_atomically(folder / "x", [&](const fs::path& temporary) {
    EXPECT_EQ(temporary.parent_path(), folder.path());
    EXPECT_TRUE(temporary.filename().string().starts_with("x.tmp."));
    std::ofstream(temporary) << "new";
    EXPECT_EQ(read_text(folder / "x"), "old");
  });
  EXPECT_EQ(read_text(folder / "x"), "new");
}

TEST(AtomicFile, FailedWriterLeavesNothing) {
  const TempFolder folder;
  write_text(folder / "x", "old");
  for (const char* name : {"x", "y"}) {
    const std::string message = error_of([&] {
      write_atomically(folder / name, [&](const fs::path& temporary) {
        std::ofstream(temporary) << "half";
        throw std::runtime_error("broke at " + temporary.string());
      });
    });
    EXPECT_NE(message.find((folder / name).string() + ": cannot be written: broke at"), std::string::npos) << message;
    EXPECT_EQ(message.find(".tmp."), std::string::npos) << message;
  }
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"x"});
  EXPECT_EQ(read_text(folder / "x"), "old");
}

TEST(PendingFiles, GetTheirNamesTogether) {
  const TempFolder folder;
  write_text(folder / "b", "old");
  {
    PendingFiles files;
    write_npy(files, folder / "a.npy", Array<float>({3}, 2.0F));
    files.write(folder / "b", [](const fs::path& temporary) { std::ofstream(temporary) << "new"; });
    EXPECT_FALSE(fs::exists(folder / "a.npy"));
    EXPECT_EQ(read_text(folder / "b"), "old");
    flush_file_system(folder.path());
    files.publish();
    EXPECT_EQ(read_npy<float>(folder / "a.npy").values, std::vector<float>(3, 2.0F));
    EXPECT_EQ(read_text(folder / "b"), "new");
  }
  EXPECT_EQ(names_in(folder.path()).size(), 2U);
}

TEST(PendingFiles, LeaveNothingWithoutPublishing) {
  const TempFolder folder;
  fs::create_directories(folder / "in the way" / "deeper");
  {
    PendingFiles files;
    files.write(folder / "a", [](const fs::path& temporary) { std::ofstream(temporary) << "whole"; });
    EXPECT_ERROR(files.write(folder / "b", [](const fs::path&) { throw std::runtime_error("broke"); }), "broke");
    files.write(folder / "in the way", [](const fs::path& temporary) { std::ofstream(temporary) << "whole"; });
    PendingFiles moved = std::move(files);
    EXPECT_ERROR(moved.publish(), "in the way: cannot be written");
    files.write(folder / "c", [](const fs::path& temporary) { std::ofstream(temporary) << "whole"; });
  }
  fs::remove_all(folder / "in the way");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, WriterThatWritesNothingIsAnError) {
  const TempFolder folder;
  EXPECT_ERROR(write_atomically(folder / "x", [](const fs::path&) {}), "cannot be written");
}

TEST(AtomicFile, FullDiskLeavesNothing) {
  const TempFolder folder;
  const std::vector<std::byte> content(std::size_t{1} << 20);
  const Array<float> array({512, 512}, 1.0F);
  Image image{Array<float>({1, 64, 64, 64}, 1.0F), {}};
  image.geometry.shape = {64, 64, 64};
  image.geometry.spacing = {1, 1, 1};
  std::vector<std::string> messages;
  {
    const FullDisk disk(65536);
    messages.push_back(error_of([&] { write_file(folder / "a.bin", content); }));
    messages.push_back(error_of([&] { write_npy(folder / "a.npy", array); }));
    messages.push_back(error_of([&] { write_image(folder / "a.nii", image); }));
    messages.push_back(error_of([&] { PendingFile(folder / "b.bin").write(1, content); }));
    messages.push_back(error_of([&] { write_text(folder / "fits.txt", "small"); }));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NE(messages[i].find("cannot be written: File too large. Free some space"), std::string::npos) << messages[i];
  }
  EXPECT_EQ(messages[4], "no error");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"fits.txt"});
}

TEST(AtomicFile, FolderOfThatName) {
  const TempFolder folder;
  fs::create_directory(folder / "d");
  EXPECT_ERROR(write_text(folder / "d", "x"), "cannot be written: Is a directory");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"d"});
}

TEST(AtomicFile, ParentIsAFile) {
  const TempFolder folder;
  write_text(folder / "f", "x");
  EXPECT_ERROR(write_text(folder / "f/g", "x"), "its folder cannot be made");
  EXPECT_ERROR(require_writable_folder(folder / "f/g"), "the folder cannot be made");
}

TEST(AtomicFile, ReadOnlyFolder) {
  const TempFolder folder;
  fs::create_directory(folder / "sealed");
  fs::permissions(folder.path(), fs::perms{0755});
  fs::permissions(folder / "sealed", fs::perms{0555});
  std::string write_message, folder_message;
  {
    const WithoutRoot user;
    if (!user.active()) GTEST_SKIP() << "root cannot give up its rights here";
    write_message = error_of([&] { write_text(folder / "sealed/x", "x"); });
    folder_message = error_of([&] { require_writable_folder(folder / "sealed"); });
  }
  fs::permissions(folder / "sealed", fs::perms{0755});
  EXPECT_NE(write_message.find("Permission denied. Choose a folder that you may write to"), std::string::npos)
      << write_message;
  EXPECT_NE(folder_message.find("the folder is not writable"), std::string::npos) << folder_message;
  EXPECT_TRUE(names_in(folder / "sealed").empty());
}

TEST(AtomicFile, WritableFolderIsLeftEmpty) {
  const TempFolder folder;
  require_writable_folder(folder / "new/one");
  EXPECT_TRUE(names_in(folder / "new/one").empty());
}

TEST(AtomicFile, ReadText) {
  const TempFolder folder;
  EXPECT_ERROR(read_text(folder / "none"), "the file does not exist");
  EXPECT_ERROR(read_text(folder.path()), "is not a regular file");
  write_text(folder / "a", "12345");
  EXPECT_ERROR(read_text(folder / "a", 4), "is too large (5 bytes");
  EXPECT_EQ(read_text(folder / "a", 5), "12345");
}

TEST(AtomicFile, ThreadsWriteTheSameFile) {
  const TempFolder folder;
  std::vector<std::thread> threads;
  for (char c = 'a'; c < 'e'; ++c) {
    threads.emplace_back([&, c] {
      for (int i = 0; i < 5; ++i) write_text(folder / "x", std::string(10000, c));
    });
  }
  for (std::thread& t : threads) t.join();
  const std::string text = read_text(folder / "x");
  EXPECT_EQ(text, std::string(10000, text[0]));
  EXPECT_EQ(names_in(folder.path()).size(), 1U);
}
