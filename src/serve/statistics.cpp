#include "statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nnunet::serve {

void Statistics::success(std::int64_t batch, const RequestTimes& t) {
  const std::lock_guard lock(mutex_);
  success_.add(t.finished - t.received);
  queue_.add(t.started - t.received);
  input_.add(t.ready - t.started);
  infer_.add(t.computed - t.ready);
  output_.add(t.finished - t.computed);
  inferences_ += static_cast<std::uint64_t>(batch);
  last_ms_ = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  const double seconds = std::chrono::duration<double>(t.finished - t.received).count();
  ++histogram_[static_cast<std::size_t>(std::ranges::lower_bound(limits, seconds) - limits.begin())];
}

void Statistics::failure(std::chrono::nanoseconds duration) {
  const std::lock_guard lock(mutex_);
  fail_.add(duration);
}

void Statistics::refused() {
  const std::lock_guard lock(mutex_);
  ++refused_;
}

void Statistics::execution(std::int64_t batch, const RequestTimes& t) {
  const std::lock_guard lock(mutex_);
  ++executions_;
  Batches& b = batches_[batch];
  b.input.add(t.ready - t.started);
  b.infer.add(t.computed - t.ready);
  b.output.add(t.finished - t.computed);
}

nlohmann::ordered_json Statistics::json(const std::string& name) const {
  using Json = nlohmann::ordered_json;
  const auto sum = [](const Sum& s) { return Json{{"count", s.count}, {"ns", s.ns}}; };
  const std::lock_guard lock(mutex_);
  Json batches = Json::array();
  for (const auto& [size, b] : batches_)
    batches.push_back({{"batch_size", size},
                       {"compute_input", sum(b.input)},
                       {"compute_infer", sum(b.infer)},
                       {"compute_output", sum(b.output)}});
  return {{"name", name},
          {"version", "1"},
          {"last_inference", last_ms_},
          {"inference_count", inferences_},
          {"execution_count", executions_},
          {"inference_stats",
           {{"success", sum(success_)},
            {"fail", sum(fail_)},
            {"queue", sum(queue_)},
            {"compute_input", sum(input_)},
            {"compute_infer", sum(infer_)},
            {"compute_output", sum(output_)},
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
  add("nv_inference_request_success", success_.count);
  add("nv_inference_request_failure", fail_.count);
  add("nv_inference_count", inferences_);
  add("nv_inference_exec_count", executions_);
  add("nv_inference_request_duration_us", (success_.ns + fail_.ns) / 1000);
  add("nv_inference_queue_duration_us", queue_.ns / 1000);
  add("nv_inference_compute_input_duration_us", input_.ns / 1000);
  add("nv_inference_compute_infer_duration_us", infer_.ns / 1000);
  add("nv_inference_compute_output_duration_us", output_.ns / 1000);
  add("nnunet_request_refused", refused_);
  std::string& histogram = lines["nnunet_request_seconds"];
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= limits.size(); ++i) {
    below += histogram_[i];
    const std::string limit = i < limits.size() ? fmt::format("{}", limits[i]) : "+Inf";
    histogram += fmt::format("nnunet_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels, limit, below);
  }
  histogram += fmt::format("nnunet_request_seconds_sum{{{}}} {}\n", labels, static_cast<double>(success_.ns) * 1e-9);
  histogram += fmt::format("nnunet_request_seconds_count{{{}}} {}\n", labels, success_.count);
}

}  // namespace nnunet::serve
