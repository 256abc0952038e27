#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "label_answer.h"
#include "nnunet/serve/served_model.h"

namespace nnunet::serve {

/// Segmentations that clients ask about later. Thread-safe.
class Jobs {
 public:
  Jobs(std::size_t max_finished, std::chrono::seconds ttl) : max_finished_(max_finished), ttl_(ttl) {}

  /// A new job's id, 32 random hexadecimal digits: who knows it may ask for the result.
  std::string add(const std::string& model, std::shared_ptr<SegmentWatch> watch);
  void remove(const std::string& id);
  void started(const std::string& id);
  /// result: the answer to GET .../result, and where there is one to GET .../label_map.
  void finished(const std::string& id, LabelAnswer result);
  void failed(const std::string& id, const std::exception_ptr& failure);

  /// Throw HttpError(404) for an unknown id.
  nlohmann::ordered_json state(const std::string& id);
  /// Throw HttpError(409) unless it is done, label_map HttpError(404) where the result is that itself.
  HttpResponse result(const std::string& id);
  HttpResponse label_map(const std::string& id);
  /// A job that is not finished is cancelled, the result of one that is is forgotten; says which.
  nlohmann::ordered_json cancel(const std::string& id);
  /// How many there are in each state.
  std::map<std::string, std::size_t> counts();

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string model, state = "queued", error;
    std::shared_ptr<SegmentWatch> watch;
    LabelAnswer result;
    Clock::time_point created, ended{};
    bool over() const { return state != "queued" && state != "running"; }
  };
  Job& find(const std::string& id);
  const LabelAnswer& done(const std::string& id);
  nlohmann::ordered_json describe(const std::string& id, const Job& job) const;
  void end(Job& job, const std::string& state);
  void forget_old();

  const std::size_t max_finished_;
  const std::chrono::seconds ttl_;
  std::mutex mutex_;
  std::map<std::string, Job> jobs_;
};

}  // namespace nnunet::serve
