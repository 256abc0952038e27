#pragma once
#include <csignal>
#include <cstdint>
#include <regex>
#include <string>

#include "background.h"

namespace nnunet::test {

/// `nnunet serve` while it lives.
class Server {
 public:
  explicit Server(const std::string& arguments)
      : program_(NNUNET_BINARY_DIR "/bin/nnunet serve " + arguments + " --port 0 --grpc_port 0") {
    program_.runs_until([&] {
      const std::string text = log();
      std::smatch found;
      if (std::regex_search(text, found, std::regex("http://127\\.0\\.0\\.1:([0-9]+)")))
        port_ = static_cast<std::uint16_t>(std::stoi(found[1]));
      if (std::regex_search(text, found, std::regex("gRPC at 127\\.0\\.0\\.1:([0-9]+)")))
        grpc_port_ = static_cast<std::uint16_t>(std::stoi(found[1]));
      return port_ != 0;
    });
  }

  std::uint16_t port() const { return port_; }
  std::uint16_t grpc_port() const { return grpc_port_; }
  std::string log() const { return program_.log(); }
  /// The exit code after SIGTERM.
  int stop() {
    program_.send(SIGTERM);
    return program_.wait().code;
  }

 private:
  Background program_;
  std::uint16_t port_ = 0, grpc_port_ = 0;
};

}  // namespace nnunet::test
