#include "nnunet/client/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <thread>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A request of the KServe v2 protocol with binary tensors, sent again and again.
struct PatchRequest {
  std::string path, body;
  std::vector<std::string> headers;
};

PatchRequest make_request(const std::string& model, const Json& input, std::int64_t batch) {
  std::vector<std::int64_t> shape = input.at("shape");
  shape.at(0) = batch;
  const auto n =
      static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
  std::vector<float> values(n);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& value : values) value = normal(generator);
  const Json tensor{{"name", input.at("name")},
                    {"datatype", "FP32"},
                    {"shape", shape},
                    {"parameters", {{"binary_data_size", n * sizeof(float)}}}};
  PatchRequest request;
  request.path = "/v2/models/" + model + "/infer";
  request.body = Json{{"inputs", {tensor}}, {"parameters", {{"binary_data_output", true}}}}.dump();
  request.headers = {"Inference-Header-Content-Length: " + std::to_string(request.body.size()),
                     "Content-Type: application/octet-stream"};
  request.body.append(reinterpret_cast<const char*>(values.data()), n * sizeof(float));
  return request;
}

/// Sums of the server's statistics, nanoseconds.
struct ServerTimes {
  double count = 0, queue = 0, input = 0, infer = 0, output = 0;
};

ServerTimes server_times(ModelServer& server, const std::string& model) {
  const Json stats = server.get("/v2/models/" + model + "/stats").at("model_stats").at(0).at("inference_stats");
  const auto ns = [&](const char* what) { return stats.at(what).at("ns").get<double>(); };
  return {stats.at("success").at("count").get<double>(), ns("queue"), ns("compute_input"), ns("compute_infer"),
          ns("compute_output")};
}

/// One client after the other adds what it has measured.
struct Totals {
  std::mutex mutex;
  LoadResult result;
  double sent = 0, received = 0;  ///< seconds, over all requests
};

class LoadRun {
 public:
  LoadRun(const LoadOptions& options, PatchRequest request) : o_(options), request_(std::move(request)) {}

  /// limit: requests of all clients; 0: until the time is over.
  void run(std::int64_t limit, double seconds, Totals& totals) {
    sent_ = 0;
    const auto start = Clock::now();
    const auto more = [&] { return limit > 0 ? sent_++ < limit : seconds_since(start) < seconds; };
    parallel_for(o_.concurrency, o_.concurrency, [&](std::int64_t) { client(more, totals); });
    totals.result.wall = seconds_since(start);
  }

 private:
  template <class More>
  void client(const More& more, Totals& totals) {
    ModelServer server(o_.server);
    std::vector<double> seconds;
    double sent = 0, received = 0;
    std::int64_t refused = 0;
    while (more()) {
      for (;;) {
        const auto start = Clock::now();
        const HttpReply reply = server.send("POST", request_.path, request_.body, request_.headers, o_.timeout);
        if (reply.status == 429) {
          ++refused;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          continue;
        }
        if (reply.status != 200) throw Error(server.url(), ModelServer::message(reply));
        seconds.push_back(seconds_since(start));
        sent += reply.sent;
        received += reply.ended - reply.began;
        break;
      }
    }
    const std::lock_guard lock(totals.mutex);
    totals.result.seconds.insert(totals.result.seconds.end(), seconds.begin(), seconds.end());
    totals.result.refused += refused;
    totals.sent += sent;
    totals.received += received;
  }

  const LoadOptions& o_;
  const PatchRequest request_;
  std::atomic<std::int64_t> sent_{0};
};

LoadParts split(const Totals& totals, const ServerTimes& before, const ServerTimes& after) {
  const auto n = static_cast<double>(totals.result.seconds.size());
  const double served = after.count - before.count;
  if (n == 0 || served <= 0) return {};
  const auto server_ms = [&](double ServerTimes::*part) { return (after.*part - before.*part) / served * 1e-6; };
  LoadParts parts;
  parts.client_send = 1000 * totals.sent / n;
  parts.client_receive = 1000 * totals.received / n;
  parts.queue = server_ms(&ServerTimes::queue);
  parts.compute_input = server_ms(&ServerTimes::input);
  parts.compute_infer = server_ms(&ServerTimes::infer);
  parts.compute_output = server_ms(&ServerTimes::output);
  const double all = 1000 * std::accumulate(totals.result.seconds.begin(), totals.result.seconds.end(), 0.0) / n;
  parts.network = std::max(0.0, all - parts.client_send - parts.client_receive - parts.queue - parts.compute_input -
                                    parts.compute_infer - parts.compute_output);
  return parts;
}

/// Answers that are no statistics, say.
template <class Body>
auto with_protocol_errors(const ModelServer& server, Body&& body) {
  try {
    return body();
  } catch (const Json::exception&) {
    throw server.foreign_answer("a server of the KServe v2 protocol");
  }
}

}  // namespace

std::int64_t served_max_batch(ModelServer& server, const std::string& model) {
  return with_protocol_errors(server, [&] {
    const auto most = server.get("/v2/models/" + model + "/config").at("max_batch_size").get<std::int64_t>();
    if (most < 1) throw Error(model, "takes whole volumes, not patches", "name the entry without _volume");
    return most;
  });
}

LoadResult measure_load(const LoadOptions& o) {
  ModelServer server(o.server);
  return with_protocol_errors(server, [&] {
    if (const auto most = served_max_batch(server, o.model); o.batch > most)
      throw Error(o.model, fmt::format("takes {} patches at a time, not {}", most, o.batch),
                  "serve it with a larger --max_batch");
    const Json input = server.get("/v2/models/" + o.model).at("inputs").at(0);
    LoadRun run(o, make_request(o.model, input, o.batch));
    if (Totals unused; o.warmup > 0) run.run(o.warmup * o.concurrency, 0, unused);
    Totals totals;
    const ServerTimes before = server_times(server, o.model);
    run.run(o.requests, o.seconds, totals);
    totals.result.parts = split(totals, before, server_times(server, o.model));
    return std::move(totals.result);
  });
}

}  // namespace nnunet
