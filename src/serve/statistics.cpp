#include "statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nnunet::serve {

void Statistics::success(std::int64_t batch, const RequestTimes& t) {
  const std::lock_guard lock(mutex_);
  numbers_.success.add(t.finished - t.received);
  numbers_.queue.add(t.started - t.received);
  numbers_.input.add(t.ready - t.started);
  numbers_.infer.add(t.computed - t.ready);
  numbers_.output.add(t.finished - t.computed);
  numbers_.inferences += static_cast<std::uint64_t>(batch);
  numbers_.last_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  const double seconds = std::chrono::duration<double>(t.finished - t.received).count();
  ++histogram_[static_cast<std::size_t>(std::ranges::lower_bound(limits, seconds) - limits.begin())];
}

void Statistics::failure(std::chrono::nanoseconds duration) {
  const std::lock_guard lock(mutex_);
  numbers_.fail.add(duration);
}

void Statistics::refused() {
  const std::lock_guard lock(mutex_);
  ++refused_;
}

void Statistics::execution(std::int64_t batch, const RequestTimes& t) {
  const std::lock_guard lock(mutex_);
  ++numbers_.executions;
  StatisticsNumbers::Batches& b = numbers_.batches[batch];
  b.input.add(t.ready - t.started);
  b.infer.add(t.computed - t.ready);
  b.output.add(t.finished - t.computed);
}

StatisticsNumbers Statistics::numbers() const {
  const std::lock_guard lock(mutex_);
  return numbers_;
}

nlohmann::ordered_json statistics_json(const std::string& name, const StatisticsNumbers& numbers) {
  using Json = nlohmann::ordered_json;
  const auto sum = [](const Duration& d) { return Json{{"count", d.count}, {"ns", d.ns}}; };
  Json batches = Json::array();
  for (const auto& [size, b] : numbers.batches)
    batches.push_back({{"batch_size", size},
                       {"compute_input", sum(b.input)},
                       {"compute_infer", sum(b.infer)},
                       {"compute_output", sum(b.output)}});
  return {{"name", name},
          {"version", "1"},
          {"last_inference", numbers.last_ms},
          {"inference_count", numbers.inferences},
          {"execution_count", numbers.executions},
          {"inference_stats",
           {{"success", sum(numbers.success)},
            {"fail", sum(numbers.fail)},
            {"queue", sum(numbers.queue)},
            {"compute_input", sum(numbers.input)},
            {"compute_infer", sum(numbers.infer)},
            {"compute_output", sum(numbers.output)},
            {"cache_hit", sum({})},
            {"cache_miss", sum({})}}},
          {"batch_stats", batches}};
}

void Statistics::add_metrics(const std::string& name, std::map<std::string, std::string>& lines) const {
  const std::string labels = fmt::format("model=\"{}\",version=\"1\"", name);
  const std::lock_guard lock(mutex_);
  const auto add = [&](const char* metric, std::uint64_t value) {
    lines[metric] += fmt::format("{}{{{}}} {}\n", metric, labels, value);
  };
  add("nv_inference_request_success", numbers_.success.count);
  add("nv_inference_request_failure", numbers_.fail.count);
  add("nv_inference_count", numbers_.inferences);
  add("nv_inference_exec_count", numbers_.executions);
  add("nv_inference_request_duration_us", (numbers_.success.ns + numbers_.fail.ns) / 1000);
  add("nv_inference_queue_duration_us", numbers_.queue.ns / 1000);
  add("nv_inference_compute_input_duration_us", numbers_.input.ns / 1000);
  add("nv_inference_compute_infer_duration_us", numbers_.infer.ns / 1000);
  add("nv_inference_compute_output_duration_us", numbers_.output.ns / 1000);
  add("nnunet_request_refused", refused_);
  std::string& histogram = lines["nnunet_request_seconds"];
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= limits.size(); ++i) {
    below += histogram_[i];
    const std::string limit = i < limits.size() ? fmt::format("{}", limits[i]) : "+Inf";
    histogram += fmt::format("nnunet_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels, limit, below);
  }
  histogram +=
      fmt::format("nnunet_request_seconds_sum{{{}}} {}\n", labels, static_cast<double>(numbers_.success.ns) * 1e-9);
  histogram += fmt::format("nnunet_request_seconds_count{{{}}} {}\n", labels, numbers_.success.count);
}

}  // namespace nnunet::serve
