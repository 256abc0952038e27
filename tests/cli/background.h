#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "program.h"
#include "reference/shared.h"

namespace nnunet::test {

/// A command in the background, whose output goes to a file. Killed in the end if it still runs.
class Background {
 public:
  explicit Background(const std::string& command) {
    const std::string line = "exec " + command + " > '" + log_path() + "' 2>&1";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Background() {
    if (ended()) return;
    send(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Waits for it, a minute at most; false where the command ended before or the minute passed.
  template <class Condition>
  bool runs_until(Condition condition) {
    for (const auto end = now() + std::chrono::minutes(1); now() < end;) {
      if (condition()) return true;
      if (ended()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  void send(int signal) const { ::kill(pid_, signal); }
  /// What it left, when it has ended: killed after two minutes.
  Outcome wait() {
    for (const auto end = now() + std::chrono::minutes(2); !ended();) {
      if (now() > end) send(SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), log()};
  }
  std::string log() const { return read(log_path()); }

 private:
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }
  std::string log_path() const { return (folder_ / "log").string(); }
  bool ended() {
    if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }

  TempFolder folder_;
  pid_t pid_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace nnunet::test
