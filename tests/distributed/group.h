#pragma once
#include <functional>
#include <thread>
#include <vector>

#include "nnunet/distributed/process_group.h"
#include "reference/free_port.h"

namespace nnunet::test {

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
