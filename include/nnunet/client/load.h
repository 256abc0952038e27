#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/client/model_server.h"

namespace nnunet {

/// Patches that are sent to a server to see how long it takes.
struct LoadOptions {
  ServerAddress server;
  std::string model;                         ///< the entry that takes patches
  std::int64_t batch = 1;                    ///< patches a request
  int concurrency = 1;                       ///< clients, each with one request under way
  double seconds = 5;                        ///< that requests are sent for
  std::int64_t requests = 0;                 ///< > 0: so many instead
  std::int64_t warmup = 2;                   ///< requests of each client before that
  std::chrono::milliseconds timeout{60000};  ///< for one request
};

/// Where the time of a request goes, milliseconds, mean over requests. The server's parts are differences of its
/// statistics; network is what nobody else accounts for: the way there and back, and the server's reading and writing.
struct LoadParts {
  double client_send = 0, network = 0, queue = 0, compute_input = 0, compute_infer = 0, compute_output = 0,
         client_receive = 0;
};

struct LoadResult {
  std::vector<double> seconds;  ///< of each answered request
  double wall = 0;              ///< seconds from the first request to the last answer
  std::int64_t refused = 0;     ///< 429: not in seconds; each waited for a little and sent again
  LoadParts parts;
};

/// The most patches that a request to this entry may hold. Throws Error for an entry that takes no patches.
std::int64_t served_max_batch(ModelServer& server, const std::string& model);

/// Throws Error when the server cannot be reached, or answers with anything but 200 and 429.
LoadResult measure_load(const LoadOptions& options);

}  // namespace nnunet
