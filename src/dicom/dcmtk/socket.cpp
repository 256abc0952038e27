#include "dicom/dcmtk/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet::dicom {
namespace {

std::string text_of(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  const char* const made = ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return made == nullptr ? "" : made;
}

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  const std::vector<std::string> addresses = ipv4_addresses(host);
  if (addresses.empty())
    throw Error("--host", fmt::format("\"{}\" is no IPv4 address of this machine", host),
                "give one, or 0.0.0.0 for all of them");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, addresses.front().c_str(), &address.sin_addr);
  return address;
}

[[noreturn]] void fail(const std::string& host, std::uint16_t port, int code) {
  throw Error(fmt::format("{}:{}", host, port), fmt::format("cannot be listened at ({})", std::strerror(code)),
              "choose another --port or --host");
}

}  // namespace

Socket::~Socket() {
  if (number_ >= 0) ::close(number_);
}
Socket::Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
int Socket::release() {
  return std::exchange(number_, -1);
}

std::vector<std::string> ipv4_addresses(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next)
    addresses.push_back(text_of(*reinterpret_cast<const sockaddr_in*>(a->ai_addr)));
  return addresses;
}

Socket Socket::duplicate() const {
  return Socket(::fcntl(number_, F_DUPFD_CLOEXEC, 0));
}

Socket listen_at(const std::string& host, std::uint16_t port) {
  const sockaddr_in address = address_of(host, port);
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket.number() < 0) fail(host, port, errno);
  ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  constexpr int waiting = 64;
  if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.number(), waiting) != 0)
    fail(host, port, errno);
  return socket;
}

std::uint16_t port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

void set_up_connection(int socket, int seconds) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval limit{seconds, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Socket next_connection(const Socket& listening, int milliseconds, std::string& address) {
  pollfd wanted{listening.number(), POLLIN, 0};
  if (::poll(&wanted, 1, milliseconds) <= 0) return Socket();
  sockaddr_in from{};
  socklen_t length = sizeof from;
  Socket connection(::accept4(listening.number(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC));
  if (connection.number() < 0) ::poll(nullptr, 0, milliseconds);  // no descriptor is free, say: not at once again
  address = text_of(from);
  return connection;
}

bool begins_as_association(const Socket& connection, int seconds) {
  constexpr unsigned char request = 1;         // A-ASSOCIATE-RQ (PS3.8, 9.3.2)
  constexpr std::uint32_t most = 1024 * 1024;  // with all kinds of objects and syntaxes it has a tenth of this
  std::array<unsigned char, 6> head{};         // type, a reserved byte, length
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    pollfd wanted{connection.number(), POLLIN, 0};
    constexpr int step = 100;  // milliseconds
    const int ready = ::poll(&wanted, 1, step);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const ssize_t n = ::recv(connection.number(), head.data(), head.size(), MSG_PEEK);
    if (n <= 0 || head[0] != request) return false;
    if (static_cast<std::size_t>(n) < head.size()) {  // the rest is on its way
      ::poll(nullptr, 0, step);
      continue;
    }
    std::uint32_t size = 0;
    for (std::size_t i = 2; i < head.size(); ++i) size = size << 8U | head[i];
    return size <= most;
  }
  return false;
}

}  // namespace nnunet::dicom
