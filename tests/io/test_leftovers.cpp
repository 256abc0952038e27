#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "io/process.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

using namespace nnunet;
using nnunet::test::TempFolder;
namespace fs = std::filesystem;

namespace {

/// A process that has ended; waited_for: its parent knows.
Process ended_process(bool waited_for) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string text = this_process().text() + ".";
    _exit(write(pipe_ends[1], text.data(), text.size()) > 0 ? 0 : 1);
  }
  char text[100] = {};
  EXPECT_GT(read(pipe_ends[0], text, sizeof text - 1), 0);
  siginfo_t end{};
  waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | (waited_for ? 0 : WNOWAIT));
  for (const int p : pipe_ends) close(p);
  return Process::parse(text).value();
}

fs::path leave(const TempFolder& folder, const std::string& name, const Process& process, int minutes_ago = 0) {
  const fs::path path = folder / (name + ".tmp." + process.text() + ".0");
  std::ofstream(path) << "half";
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(minutes_ago));
  return path;
}

Writer writer_of(const std::string& name) {
  return name == "own" ? Writer::self : name == "shared" ? Writer::several : Writer::nobody;
}

}  // namespace

TEST(Process, KnowsItselfAndTheEnded) {
  const Process self = this_process();
  EXPECT_EQ(self.number, getpid());
  EXPECT_GT(self.start, 0U);
  EXPECT_TRUE(is_running(self));
  const auto parsed = Process::parse(self.text() + ".12");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->text(), self.text());
  Process earlier = self;
  --earlier.start;
  EXPECT_FALSE(is_running(earlier));
  for (const bool waited_for : {true, false}) {
    const Process ended = ended_process(waited_for);
    EXPECT_NE(ended.number, getpid());
    EXPECT_EQ(ended.machine, self.machine);
    EXPECT_FALSE(is_running(ended)) << waited_for;
  }
  for (const char* other : {"", "12.3", "1.2.3", "xyz.1.2.3", "1.-.2.3", "123456789.1.2.3"})
    EXPECT_FALSE(Process::parse(other)) << other;
}

TEST(Leftovers, GoWhenNobodyWritesThem) {
  const TempFolder folder;
  const Process self = this_process(), ended = ended_process(true);
  Process elsewhere = self;
  elsewhere.machine ^= 1U;
  const auto kept = {leave(folder, "own", self, 100),          leave(folder, "shared", self, 100),
                     leave(folder, "shared", elsewhere, 1),    leave(folder, "foreign", ended),
                     leave(folder, "foreign", elsewhere, 100), leave(folder, ".nnunet", self)};
  const auto gone = {leave(folder, "own", ended), leave(folder, "shared", ended), leave(folder, ".nnunet", ended)};
  remove_leftovers(folder.path(), writer_of);
  for (const fs::path& path : kept) EXPECT_TRUE(fs::exists(path)) << path;
  for (const fs::path& path : gone) EXPECT_FALSE(fs::exists(path)) << path;

  const auto gone_too = {leave(folder, "own", elsewhere), leave(folder, "shared", elsewhere, 11)};
  std::ofstream(folder / "own.tmp.12.3") << "of an earlier version";
  std::ofstream(folder / "own") << "whole";
  fs::create_directory(folder / "own.tmp.folder");
  remove_leftovers(folder.path(), writer_of);
  for (const fs::path& path : gone_too) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_FALSE(fs::exists(folder / "own.tmp.12.3"));
  EXPECT_TRUE(fs::exists(folder / "own"));
  EXPECT_TRUE(fs::exists(folder / "own.tmp.folder"));
  remove_leftovers(folder / "absent", writer_of);
}

TEST(Leftovers, OfLongNames) {
  const TempFolder folder;
  const std::string name = std::string(230, 'n') + ".nii.gz", other = std::string(230, 'n') + "x.nii.gz";
  const pid_t child = fork();
  if (child == 0) {  // dies while it writes both
    PendingFile first(folder / name), second(folder / other);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const auto count = [&] { return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()); };
  ASSERT_EQ(count(), 2);
  remove_leftovers(folder.path(), std::set<std::string>{"n.nii.gz"});
  EXPECT_EQ(count(), 2);
  remove_leftovers(folder.path(), std::set<std::string>{name});
  EXPECT_EQ(count(), 1);
  remove_leftovers(folder.path(),
                   [](const std::string& n) { return n.ends_with(".nii.gz") ? Writer::self : Writer::nobody; });
  EXPECT_EQ(count(), 0);
}

TEST(Leftovers, OfAListOfNames) {
  const TempFolder folder;
  const Process ended = ended_process(true);
  const fs::path a = leave(folder, "a.npy", ended), b = leave(folder, "b.npy", ended);
  remove_leftovers(folder.path(), std::set<std::string>{"a.npy"});
  EXPECT_FALSE(fs::exists(a));
  EXPECT_TRUE(fs::exists(b));
}
