#include "nnunet/io/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "nnunet/io/regular_file.h"
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
  const std::string message = error_of([&] {
    write_atomically(folder / "x",
                     [](const fs::path& temporary) { throw Error(temporary.string(), "is full", "free some"); });
  });
  EXPECT_EQ(message, (folder / "x").string() + ": is full. Free some.") << "what an Error says is not said twice";
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
  EXPECT_ERROR(read_text(folder.path()), "is a folder, not a regular file");
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

TEST(AtomicFile, LongNames) {
  const TempFolder folder;
  const std::size_t most = static_cast<std::size_t>(pathconf(folder.path().c_str(), _PC_NAME_MAX));
  for (const std::size_t size : {std::size_t{80}, std::size_t{81}, std::size_t{200}, most}) {
    const std::string name = std::string(size - 7, 'n') + ".nii.gz";
    write_text(folder / name, "whole");
    EXPECT_EQ(read_text(folder / name), "whole");
    write_atomically(folder / name, [&](const fs::path& temporary) {
      EXPECT_LE(temporary.filename().string().size(), 143U);
      EXPECT_EQ(temporary.parent_path(), folder.path());
      std::ofstream(temporary) << "again";
    });
    PendingFile pending(folder / name);
    pending.write(0, std::as_bytes(std::span("12345", 5)));
    pending.commit();
    EXPECT_EQ(read_text(folder / name), "12345");
  }
  EXPECT_EQ(names_in(folder.path()).size(), 4U);
}

TEST(AtomicFile, LettersOfLongNamesAreNotCut) {
  const TempFolder folder;
  std::string name;
  for (int i = 0; i < 60; ++i) name += i % 7 == 0 ? "x\u00e4" : "\u5fc3";
  write_atomically(folder / name, [](const fs::path& temporary) {
    const std::string text = temporary.filename().string();
    EXPECT_TRUE(nlohmann::json::accept("\"" + text + "\"")) << text;  // refuses what is not UTF-8
    std::ofstream(temporary) << "whole";
  });
}

TEST(AtomicFile, TooLongNamesAreRefusedBeforeTheWork) {
  const TempFolder folder;
  const std::string name(300, 'n');
  bool begun = false;
  const auto begin = [&](const fs::path&) { begun = true; };
  EXPECT_ERROR(write_atomically(folder / name, begin), "name has 300 bytes, the disk allows 255");
  PendingFiles files;
  EXPECT_ERROR(files.write(folder / name, begin), "name has 300 bytes");
  EXPECT_ERROR(PendingFile(folder / name), "name has 300 bytes");
  EXPECT_ERROR(require_writable_file(folder / "not" / "yet" / name), "name has 300 bytes");
  EXPECT_FALSE(begun);
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(AtomicFile, WritableFile) {
  const TempFolder folder;
  require_writable_file(folder / "new/scores.csv");
  EXPECT_TRUE(names_in(folder / "new").empty());
  EXPECT_ERROR(require_writable_file(folder / "new"), "is a folder, not a file");
}

TEST(SpecialFiles, AreRefusedAtOnce) {
  const TempFolder folder;
  const fs::path pipe = folder / "pipe.nii.gz", socket_file = folder / "s.npy";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(socket_file.string().size(), sizeof address.sun_path);
  std::ranges::copy(socket_file.string(), address.sun_path);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  fs::create_symlink(pipe, folder / "link.nii.gz");

  // To open the pipe would wait for ever.
  EXPECT_ERROR(read_text(pipe), "is a pipe (FIFO), not a regular file");
  EXPECT_ERROR(read_nifti(pipe), "is a pipe (FIFO)");
  EXPECT_ERROR(read_nifti_info(folder / "link.nii.gz"), "is a pipe (FIFO)");
  EXPECT_ERROR(read_label_map(pipe), "is a pipe (FIFO)");
  EXPECT_ERROR(NpyFile{pipe}, "is a pipe (FIFO)");
  EXPECT_ERROR(read_json(pipe), "is a pipe (FIFO)");
  EXPECT_ERROR(require_regular_file(pipe), "is a pipe (FIFO)");
  EXPECT_ERROR(NpyFile{socket_file}, "is a socket");
  EXPECT_ERROR(read_text("/dev/zero"), "is a device");
  EXPECT_ERROR(read_json(folder.path()), "is a folder");

  // Nor is one replaced by a file.
  EXPECT_ERROR(write_text(pipe, "x"), "is a pipe (FIFO), which a file would replace");
  EXPECT_ERROR(write_text(socket_file, "x"), "is a socket");
  EXPECT_ERROR(require_writable_file("/dev/null"), "is a device");
  EXPECT_TRUE(fs::is_fifo(pipe) && fs::is_socket(socket_file));
  EXPECT_EQ(names_in(folder.path()).size(), 3U);
  close(fd);
}
