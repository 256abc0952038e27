#include "jobs.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <nlohmann/json.hpp>

namespace nnunet::serve {
namespace {

std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw HttpError(500, "no random numbers");
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

std::string Jobs::add(const std::string& model, std::shared_ptr<SegmentWatch> watch) {
  const std::lock_guard lock(mutex_);
  forget_old();
  std::string id = random_id();
  Job& job = jobs_[id];
  job.model = model;
  job.watch = std::move(watch);
  job.created = Clock::now();
  return id;
}

void Jobs::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  jobs_.erase(id);
}

void Jobs::started(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (const auto job = jobs_.find(id); job != jobs_.end() && !job->second.over()) job->second.state = "running";
}

void Jobs::finished(const std::string& id, LabelAnswer result) {
  const std::lock_guard lock(mutex_);
  const auto job = jobs_.find(id);
  if (job == jobs_.end() || job->second.over()) return;
  job->second.result = std::move(result);
  end(job->second, "done");
  forget_old();
}

void Jobs::failed(const std::string& id, const std::exception_ptr& failure) {
  const std::lock_guard lock(mutex_);
  const auto job = jobs_.find(id);
  if (job == jobs_.end() || job->second.over()) return;
  job->second.result = {error_response(failure)};
  job->second.error = nlohmann::json::parse(job->second.result.answer.body).at("error").get<std::string>();
  end(job->second, "failed");
}

void Jobs::end(Job& job, const std::string& state) {
  job.state = state;
  job.ended = Clock::now();
}

nlohmann::ordered_json Jobs::describe(const std::string& id, const Job& job) const {
  const auto until = job.over() ? job.ended : Clock::now();
  nlohmann::ordered_json json{{"id", id},
                              {"model", job.model},
                              {"state", job.state},
                              {"progress", job.state == "done" ? 1.0 : job.watch->progress.load()},
                              {"seconds", std::chrono::duration<double>(until - job.created).count()}};
  if (!job.error.empty()) json["error"] = job.error;
  if (job.state == "done") json["result"] = fmt::format("/v1/jobs/{}/result", id);
  if (job.result.label_map) json["label_map"] = fmt::format("/v1/jobs/{}/label_map", id);
  return json;
}

Jobs::Job& Jobs::find(const std::string& id) {
  forget_old();
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) throw HttpError(404, "unknown job: it was never there, or its result is no longer kept");
  return job->second;
}

nlohmann::ordered_json Jobs::state(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return describe(id, find(id));
}

const LabelAnswer& Jobs::done(const std::string& id) {
  const Job& job = find(id);
  if (job.state == "queued" || job.state == "running")
    throw HttpError(409, fmt::format("the job is not finished: {}", job.state));
  if (job.state == "cancelled") throw HttpError(409, "the job was cancelled");
  return job.result;
}

HttpResponse Jobs::result(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return done(id).answer;
}

HttpResponse Jobs::label_map(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const LabelAnswer& result = done(id);
  if (result.answer.status != 200) return result.answer;  // it failed
  if (!result.label_map) throw HttpError(404, "this job's result is the label map itself: GET .../result");
  return *result.label_map;
}

nlohmann::ordered_json Jobs::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Job& job = find(id);
  if (job.over()) {
    nlohmann::ordered_json json = describe(id, job);
    json["state"] = "deleted";
    json.erase("result");
    json.erase("label_map");
    jobs_.erase(id);
    return json;
  }
  job.watch->cancelled = true;
  end(job, "cancelled");
  return describe(id, job);
}

std::map<std::string, std::size_t> Jobs::counts() {
  const std::lock_guard lock(mutex_);
  forget_old();
  std::map<std::string, std::size_t> counts{
      {"queued", 0}, {"running", 0}, {"done", 0}, {"failed", 0}, {"cancelled", 0}};
  for (const auto& [id, job] : jobs_) ++counts[job.state];
  return counts;
}

/// Finished jobs that are too old, or the oldest of too many.
void Jobs::forget_old() {
  const auto now = Clock::now();
  std::erase_if(jobs_, [&](const auto& entry) { return entry.second.over() && now - entry.second.ended > ttl_; });
  for (;;) {
    std::size_t over = 0;
    auto oldest = jobs_.end();
    for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
      if (!job->second.over()) continue;
      ++over;
      if (oldest == jobs_.end() || job->second.ended < oldest->second.ended) oldest = job;
    }
    if (over <= max_finished_) return;
    jobs_.erase(oldest);
  }
}

}  // namespace nnunet::serve
