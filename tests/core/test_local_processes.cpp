#include "nnunet/core/local_processes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class LocalProcesses : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "local_processes_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The script runs in the test's folder.
  int run(const std::string& script, int count, const LocalProcessOptions& options = {}) const {
    return run_local_processes({"/bin/sh", "-c", "cd " + folder_.string() + "; " + script}, count, options);
  }
  // The same in a process of its own, which signals can be sent to.
  pid_t run_apart(const std::string& script, int count) const {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (const int signal : {SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);  // a shell cannot trap what is ignored
      ::_exit(run(script, count));
    }
    return pid;
  }
  // What a file has in it when it has something.
  std::string text(const std::string& name) const {
    for (const auto end = Clock::now() + 20s; Clock::now() < end; std::this_thread::sleep_for(5ms)) {
      std::stringstream all;
      all << std::ifstream(folder_ / name).rdbuf();
      if (all.str().ends_with('\n')) return all.str();
    }
    ADD_FAILURE() << name << " has not come";
    return "";
  }
  pid_t number(const std::string& name) const { return std::atoi(text(name).c_str()); }

  fs::path folder_;
};

int exit_code(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// One that nobody has asked for its exit code yet has ended, too.
bool ends_soon(pid_t pid) {
  const std::string file = "/proc/" + std::to_string(pid) + "/stat";
  for (const auto end = Clock::now() + 20s; Clock::now() < end; std::this_thread::sleep_for(5ms)) {
    std::string id, name, state;
    if (!(std::ifstream(file) >> id >> name >> state) || state == "Z") return true;
  }
  return false;
}

TEST_F(LocalProcesses, FindTheirPlaceInTheEnvironment) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before ? before : "";
  ::unsetenv("OMP_NUM_THREADS");
  ::setenv("RANK", "77", 1);
  LocalProcessOptions options;
  options.environment = {{{"COLOUR", "red"}}, {{"COLOUR", "blue"}, {"OMP_NUM_THREADS", "5"}}};
  EXPECT_EQ(run("echo $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR $OMP_NUM_THREADS $COLOUR > $RANK; "
                "echo $MASTER_PORT > port$RANK",
                2, options),
            0);
  ::unsetenv("RANK");
  const int share = std::max(1, available_cores() / 2);
  EXPECT_EQ(text("0"), "2 0 2 127.0.0.1 " + std::to_string(share) + " red\n");
  EXPECT_EQ(text("1"), "2 1 2 127.0.0.1 5 blue\n");
  EXPECT_EQ(text("port0"), text("port1"));

  ::setenv("OMP_NUM_THREADS", "3", 1);  // the user's choice stays
  EXPECT_EQ(run("echo $OMP_NUM_THREADS > threads; env | grep -c ^OMP_NUM_THREADS= > times", 1), 0);
  EXPECT_EQ(text("threads"), "3\n");
  EXPECT_EQ(text("times"), "1\n");
  before ? ::setenv("OMP_NUM_THREADS", kept.c_str(), 1) : ::unsetenv("OMP_NUM_THREADS");
}

// On any address, as the server of a process group does.
bool can_listen(int port, bool reuse) {
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  if (reuse) ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool can = ::bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(s, 4) == 0;
  ::close(s);
  return can;
}

TEST_F(LocalProcesses, ThePortIsKeptForThem) {
  const pid_t launcher = run_apart("echo $MASTER_PORT > port; while [ ! -e done ]; do sleep 0.02; done", 1);
  const int port = number("port");
  EXPECT_FALSE(can_listen(port, false));
  EXPECT_TRUE(can_listen(port, true));
  std::ofstream(folder_ / "done") << "\n";
  EXPECT_EQ(exit_code(launcher), 0);
}

TEST_F(LocalProcesses, TheFirstFailureIsReturned) {
  LocalProcessOptions at_once;
  at_once.grace = 0s;  // the others are asked to end because one failed, and fail only then
  EXPECT_EQ(run("trap 'exit 9' TERM; [ $RANK = 1 ] && exit 7; while true; do sleep 0.02; done", 3, at_once), 7);
  EXPECT_EQ(run("[ $RANK = 1 ] && kill -KILL $$; exit 0", 2), 128 + SIGKILL);
  EXPECT_EQ(run("exit $RANK", 1), 0);
}

TEST_F(LocalProcesses, AHangAfterAFailureIsEnded) {
  LocalProcessOptions options;
  options.grace = 1s;
  const auto start = Clock::now();
  const std::string script =
      "if [ $RANK = 0 ]; then while [ ! -s pid ]; do sleep 0.02; done; exit 3; fi; echo $$ > pid; sleep 100";
  EXPECT_EQ(run(script, 2, options), 3);
  EXPECT_GE(Clock::now() - start, 1s);
  EXPECT_LT(Clock::now() - start, 60s);
  EXPECT_TRUE(ends_soon(number("pid")));
}

TEST_F(LocalProcesses, OneThatIgnoresTheRequestIsKilled) {
  LocalProcessOptions options;
  options.grace = 0s;
  const std::string script =
      "if [ $RANK = 0 ]; then while [ ! -e ready ]; do sleep 0.02; done; exit 4; fi; "
      "trap 'echo asked > asked' TERM; echo > ready; while true; do sleep 0.1; done";
  EXPECT_EQ(run(script, 2, options), 4);
  EXPECT_EQ(text("asked"), "asked\n");
}

TEST_F(LocalProcesses, SignalsGoOnToAllEachTime) {
  const std::string count_signals =
      "n=0; trap 'n=$((n+1)); echo $n > int$RANK' INT; trap 'echo stopped > term$RANK; exit 33' TERM; "
      "echo > ready$RANK; while true; do sleep 0.02; done";
  const pid_t launcher = run_apart(count_signals, 2);
  text("ready0"), text("ready1");
  for (const char* times : {"1\n", "2\n"}) {
    ::kill(launcher, SIGINT);
    for (const char* file : {"int0", "int1"})
      for (const auto end = Clock::now() + 20s; text(file) != times && Clock::now() < end;)
        std::this_thread::sleep_for(5ms);
    EXPECT_EQ(text("int0"), times);
    EXPECT_EQ(text("int1"), times);
  }
  ::kill(launcher, SIGTERM);
  EXPECT_EQ(exit_code(launcher), 33);
  EXPECT_EQ(text("term0") + text("term1"), "stopped\nstopped\n");
}

TEST_F(LocalProcesses, NoneOutlivesTheirParent) {
  const pid_t launcher = run_apart("echo $$ > pid$RANK; exec sleep 100", 2);
  const pid_t children[] = {number("pid0"), number("pid1")};
  EXPECT_NE(::getpgid(children[0]), ::getpgid(0));  // what the terminal sends comes once
  ::kill(launcher, SIGKILL);
  EXPECT_EQ(exit_code(launcher), 128 + SIGKILL);
  for (const pid_t child : children) EXPECT_TRUE(ends_soon(child));
}

TEST_F(LocalProcesses, WhatCannotBeStartedIsNamed) {
  EXPECT_THROW(run_local_processes({"/no/such/program"}, 2), Error);
  EXPECT_THROW(run_local_processes({}, 2), Error);
  EXPECT_THROW(run_local_processes({"/bin/true"}, 0), Error);
  EXPECT_EQ(run_local_processes({"/bin/true"}, 5), 0);
}

}  // namespace
}  // namespace nnunet
