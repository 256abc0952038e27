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

struct Duration {
  std::uint64_t count = 0, ns = 0;
  void add(std::chrono::nanoseconds duration) {
    ++count;
    ns += static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  }
};

/// One entry's counts and durations, as Triton's statistics name them.
struct StatisticsNumbers {
  struct Batches {
    Duration input, infer, output;
  };
  Duration success, fail, queue, input, infer, output;
  std::uint64_t inferences = 0, executions = 0, last_ms = 0;
  std::map<std::int64_t, Batches> batches;  ///< by size
};

/// An entry of "model_stats".
nlohmann::ordered_json statistics_json(const std::string& name, const StatisticsNumbers& numbers);

/// What happened to one entry. Thread-safe.
class Statistics {
 public:
  void success(std::int64_t batch, const RequestTimes& times);
  void failure(std::chrono::nanoseconds duration);
  void refused();
  /// A run of the network over a batch of so many.
  void execution(std::int64_t batch, const RequestTimes& times);

  StatisticsNumbers numbers() const;
  /// Adds this entry's numbers to each metric's lines in Prometheus' format.
  void add_metrics(const std::string& name, std::map<std::string, std::string>& lines) const;

 private:
  static constexpr std::array<double, 10> limits{0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 120};  ///< seconds

  mutable std::mutex mutex_;
  StatisticsNumbers numbers_;
  std::uint64_t refused_ = 0;
  std::array<std::uint64_t, limits.size() + 1> histogram_{};  ///< of successes; the last: longer
};

}  // namespace nnunet::serve
