#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "nnunet/distributed/process_group.h"

namespace nnunet::test {

inline int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Runs the body as so many members of a group, a thread each.
inline void in_group(int size, const std::function<void(const ProcessGroup&)>& body) {
  const int port = free_port();
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([=, &body] {
      JobPlace place;
      place.rank = place.local_rank = rank;
      place.size = place.local_size = size;
      place.master_address = "127.0.0.1";
      place.master_port = port;
      const ProcessGroup group(place, torch::kCPU, std::chrono::seconds(30));
      body(group);
      group.barrier();
    });
}

}  // namespace nnunet::test
