#include "batcher.h"

#include <functional>
#include <numeric>

#include "nnunet/serve/http.h"

namespace nnunet::serve {
namespace {

std::size_t patch_voxels(const DataConfig& data) {
  return static_cast<std::size_t>(
      std::accumulate(data.patch_size.begin(), data.patch_size.end(), std::int64_t{1}, std::multiplies<>()));
}

}  // namespace

Batcher::Batcher(ServedModel& model, const BatchOptions& options, Statistics& statistics)
    : model_(model),
      options_(options),
      statistics_(statistics),
      input_values_(patch_voxels(model.data()) * static_cast<std::size_t>(model.data().in_channels)),
      output_values_(patch_voxels(model.data()) * static_cast<std::size_t>(model.data().n_class)),
      worker_([this] { run(); }) {}

Batcher::~Batcher() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  came_.notify_all();
}

bool Batcher::submit(PatchTask&& task) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= options_.max_queue) {
    statistics_.refused();
    return false;
  }
  Entry entry{std::move(task), {}};
  entry.times.received = Clock::now();
  queue_.push_back(std::move(entry));
  came_.notify_all();
  return true;
}

std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Batcher::run() {
  for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) execute(batch);
}

/// Empty at the end.
std::vector<Batcher::Entry> Batcher::next_batch() {
  std::unique_lock lock(mutex_);
  // What comes after the answers may be their client's next request.
  if (!queue_.empty() && queue_.front().times.received < answering_) alone_ = false;
  came_.wait(lock, [&] { return ending_ || !queue_.empty(); });
  if (queue_.empty()) return {};
  const auto full = [&] {
    std::int64_t n = 0;
    for (const Entry& entry : queue_) n += entry.task.n;
    return ending_ || n >= options_.max_batch;
  };
  if (!alone_) came_.wait_until(lock, queue_.front().times.received + options_.delay, full);
  std::vector<Entry> batch;
  for (std::int64_t n = 0; !queue_.empty() && n + queue_.front().task.n <= options_.max_batch;) {
    n += queue_.front().task.n;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  alone_ = batch.size() == 1 && queue_.empty();
  return batch;
}

void Batcher::execute(std::vector<Entry>& batch) {
  const Clock::time_point started = Clock::now();
  const auto too_late =
      std::make_exception_ptr(HttpError(504, "the request waited too long for the network; try again later"));
  std::erase_if(batch, [&](Entry& entry) {
    const bool cancelled = entry.task.watch->cancelled;
    if (!cancelled && started - entry.times.received <= options_.timeout) return false;
    finish(entry, {}, cancelled ? std::make_exception_ptr(Cancelled()) : too_late);
    return true;
  });
  if (batch.empty()) return;
  RequestTimes times;
  times.started = started;
  std::int64_t n = 0;
  for (const Entry& entry : batch) n += entry.task.n;
  std::vector<std::vector<float>> answers(batch.size());
  std::exception_ptr failure;
  try {
    answers = compute(batch, n, times);
    times.finished = Clock::now();
    statistics_.execution(n, times);  // before a client that has its answer can ask for it
  } catch (...) {
    failure = std::current_exception();
  }
  answering_ = Clock::now();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].times.started = times.started;
    batch[i].times.ready = times.ready;
    batch[i].times.computed = times.computed;
    finish(batch[i], std::move(answers[i]), failure);
  }
}

/// The logits of each, by one run of the network over all.
std::vector<std::vector<float>> Batcher::compute(const std::vector<Entry>& batch, std::int64_t n, RequestTimes& times) {
  std::vector<float> x;
  x.reserve(static_cast<std::size_t>(n) * input_values_);
  for (const Entry& entry : batch) x.insert(x.end(), entry.task.x.begin(), entry.task.x.end());
  std::vector<float> logits(static_cast<std::size_t>(n) * output_values_);
  times.ready = Clock::now();
  model_.forward(n, x.data(), logits.data());
  times.computed = Clock::now();
  std::vector<std::vector<float>> answers;
  const float* from = logits.data();
  for (const Entry& entry : batch) {
    const float* const to = from + static_cast<std::size_t>(entry.task.n) * output_values_;
    answers.push_back(batch.size() == 1 ? std::move(logits) : std::vector<float>(from, to));
    from = to;
  }
  return answers;
}

void Batcher::finish(Entry& entry, std::vector<float> logits, const std::exception_ptr& failure) {
  entry.times.finished = Clock::now();
  if (failure)
    statistics_.failure(entry.times.finished - entry.times.received);
  else
    statistics_.success(entry.task.n, entry.times);
  try {
    entry.task.done(std::move(logits), failure);
  } catch (...) {  // no memory for the answer, say
    entry.task.done({}, std::current_exception());
  }
  entry.task.done = nullptr;
}

}  // namespace nnunet::serve
