#pragma once
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <regex>
#include <string>
#include <thread>

#include "program.h"
#include "reference/shared.h"

namespace nnunet::test {

/// `nnunet serve` while it lives.
class Server {
 public:
  explicit Server(const std::string& arguments) {
    const std::string log = (log_folder_ / "log").string();
    const std::string command =
        "exec " NNUNET_BINARY_DIR "/bin/nnunet serve " + arguments + " --port 0 --grpc_port 0 > " + log + " 2>&1";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    std::smatch found;
    for (int i = 0; i < 1200 && port_ == 0 && !ended(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const std::string text = read(log);
      if (std::regex_search(text, found, std::regex("http://127\\.0\\.0\\.1:([0-9]+)")))
        port_ = static_cast<std::uint16_t>(std::stoi(found[1]));
      if (std::regex_search(text, found, std::regex("gRPC at 127\\.0\\.0\\.1:([0-9]+)")))
        grpc_port_ = static_cast<std::uint16_t>(std::stoi(found[1]));
    }
  }
  ~Server() {
    if (!ended()) ::kill(pid_, SIGKILL);
    if (!ended_) ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint16_t grpc_port() const { return grpc_port_; }
  std::string log() const { return read(log_folder_ / "log"); }
  /// The exit code after SIGTERM; -1 when it goes on all the same.
  int stop() {
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 600 && !ended(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return ended_ && WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }

 private:
  bool ended() {
    if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
  }

  TempFolder log_folder_;
  pid_t pid_ = 0;
  int status_ = 0;
  bool ended_ = false;
  std::uint16_t port_ = 0, grpc_port_ = 0;
};

}  // namespace nnunet::test
