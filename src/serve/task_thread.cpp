#include "task_thread.h"

namespace nnunet::serve {

TaskThread::TaskThread() : thread_([this] { run(); }) {}

TaskThread::~TaskThread() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  came_.notify_all();
}

void TaskThread::add(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  came_.notify_all();
}

void TaskThread::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace nnunet::serve
