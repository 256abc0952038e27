#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace nnunet::test {

/// Stands for a proxy on the loopback: notes what it is asked for and gives everyone the same answer.
class FakeProxy {
 public:
  explicit FakeProxy(std::string answer) : answer_(std::move(answer)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::listen(socket_, 16);
    socklen_t size = sizeof at;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~FakeProxy() {
    thread_ = {};
    ::close(socket_);
  }
  FakeProxy(const FakeProxy&) = delete;
  FakeProxy& operator=(const FakeProxy&) = delete;

  /// "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  /// The first lines of the requests that came.
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd state{socket_, POLLIN, 0};
      if (::poll(&state, 1, 20) != 1) continue;
      const int client = ::accept(socket_, nullptr, nullptr);
      std::string head;
      char buffer[4096];
      for (ssize_t n = 1; n > 0 && head.find("\r\n\r\n") == std::string::npos;) {
        n = ::recv(client, buffer, sizeof buffer, 0);
        if (n > 0) head.append(buffer, static_cast<std::size_t>(n));
      }
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(head.substr(0, head.find("\r\n")));
      }
      [[maybe_unused]] const auto sent = ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::shutdown(client, SHUT_WR);
      while (::recv(client, buffer, sizeof buffer, 0) > 0) {
      }
      ::close(client);
    }
  }

  const std::string answer_;
  const int socket_;
  std::string address_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

/// The environment with these of all variables about proxies, until the end of its life.
class ProxyVariables {
 public:
  explicit ProxyVariables(const std::map<std::string, std::string>& values) {
    for (const char* const name :
         {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
      const char* const former = std::getenv(name);
      former_[name] = former == nullptr ? std::nullopt : std::optional<std::string>(former);
      const auto value = values.find(name);
      set(name, value == values.end() ? std::nullopt : std::optional(value->second));
    }
  }
  ~ProxyVariables() {
    for (const auto& [name, value] : former_) set(name, value);
  }
  ProxyVariables(const ProxyVariables&) = delete;
  ProxyVariables& operator=(const ProxyVariables&) = delete;

 private:
  static void set(const std::string& name, const std::optional<std::string>& value) {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  std::map<std::string, std::optional<std::string>> former_;
};

}  // namespace nnunet::test
