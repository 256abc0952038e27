#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nnunet::dicom {

/// An open connection or listening place; closed with this.
class Socket {
 public:
  explicit Socket(int number = -1) : number_(number) {}
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  int number() const { return number_; }
  /// Whoever has it from here on closes it.
  int release();
  /// Another number for the same connection.
  Socket duplicate() const;

 private:
  int number_;
};

/// IPv4 addresses of a host's name, or an address itself; none where it is not known.
std::vector<std::string> ipv4_addresses(const std::string& host);

/// Listens at an IPv4 address or name; port 0: any that is free. Throws Error where the address cannot be had.
Socket listen_at(const std::string& host, std::uint16_t port);
std::uint16_t port_of(const Socket& socket);

/// The next connection; none within the time: number() is below 0.
Socket next_connection(const Socket& listening, int milliseconds, std::string& address);

/// Whether what comes first is the beginning of a request for an association of plausible size, within the time. It
/// stays there to be read.
bool begins_as_association(const Socket& connection, int seconds);

/// Reading and writing fail after so long without a byte; answers go out at once, since callers wait for each.
void set_up_connection(int socket, int seconds);

}  // namespace nnunet::dicom
