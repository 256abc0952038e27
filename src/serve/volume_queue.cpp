#include "volume_queue.h"

#include <fmt/format.h>

#include <cmath>

#include "nnunet/core/memory.h"
#include "nnunet/serve/http.h"

namespace nnunet::serve {

VolumeQueue::VolumeQueue(ServedModel& model, std::size_t max_queue, std::int64_t memory, Statistics& statistics)
    : model_(model), max_queue_(max_queue), memory_(memory), statistics_(statistics), worker_([this] { run(); }) {}

VolumeQueue::~VolumeQueue() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  came_.notify_all();
}

bool VolumeQueue::submit(VolumeTask task) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= max_queue_) {
    statistics_.refused();
    return false;
  }
  RequestTimes times;
  times.received = Clock::now();
  queue_.push_back({std::move(task), times});
  came_.notify_all();
  return true;
}

std::size_t VolumeQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void VolumeQueue::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : queue_) entry.task.watch->cancelled = true;
  if (current_) current_->cancelled = true;
}

void VolumeQueue::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    current_ = entry.task.watch;
    lock.unlock();
    execute(entry.task, entry.times);
  }
}

void VolumeQueue::execute(VolumeTask& task, RequestTimes times) {
  times.started = Clock::now();
  LabelMap label;
  std::exception_ptr failure;
  try {
    task.watch->check();
    if (task.started) task.started();
    Image image = task.read();
    NiftiInfo info;
    info.geometry = image.geometry;
    info.channels = image.voxels.size(0);
    const std::int64_t needed = model_.memory(info);
    if (needed > memory_)
      throw HttpError(413, fmt::format("the volume, resampled to the network's spacing, would take {}; at most {} are "
                                       "allowed (--max_volume_gib)",
                                       format_bytes(needed), format_bytes(memory_)));
    times.ready = Clock::now();
    label = model_.segment("image", std::move(image), *task.watch);
    task.watch->progress = 1;
  } catch (...) {
    failure = std::current_exception();
  }
  times.computed = Clock::now();
  try {
    task.done(std::move(label), failure);
  } catch (...) {  // no memory for the answer, say
    failure = std::current_exception();
    task.done({}, failure);
  }
  times.finished = Clock::now();
  if (failure) return statistics_.failure(times.finished - times.received);
  statistics_.success(1, times);
  statistics_.execution(1, times);
}

}  // namespace nnunet::serve
