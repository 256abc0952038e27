#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace nnunet::serve {

using Clock = std::chrono::steady_clock;

/// When a request came, was taken from its queue, had its data ready for the network, had its result, was answered.
struct RequestTimes {
  Clock::time_point received, started, ready, computed, finished;
};

/// Counts and durations of one entry, as Triton's statistics name them. Thread-safe.
class Statistics {
 public:
  void success(std::int64_t batch, const RequestTimes& times);
  void failure(std::chrono::nanoseconds duration);
  void refused();
  /// A run of the network over a batch of so many.
  void execution(std::int64_t batch, const RequestTimes& times);

  /// An entry of "model_stats".
  nlohmann::ordered_json json(const std::string& name) const;
  /// Adds this entry's numbers to each metric's lines in Prometheus' format.
  void add_metrics(const std::string& name, std::map<std::string, std::string>& lines) const;

 private:
  struct Sum {
    std::uint64_t count = 0, ns = 0;
    void add(std::chrono::nanoseconds duration) {
      ++count;
      ns += static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    }
  };
  struct Batches {
    Sum input, infer, output;
  };
  static constexpr std::array<double, 10> limits{0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120};  ///< seconds

  mutable std::mutex mutex_;
  Sum success_, fail_, queue_, input_, infer_, output_;
  std::uint64_t inferences_ = 0, executions_ = 0, refused_ = 0, last_ms_ = 0;
  std::map<std::int64_t, Batches> batches_;
  std::array<std::uint64_t, limits.size() + 1> histogram_{};  ///< of successes; the last: longer
};

}  // namespace nnunet::serve
