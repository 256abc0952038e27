#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace nnunet::serve {

/// Tasks one after the other on a thread of its own; the destructor lets those that were added finish. Tasks must not
/// throw.
class TaskThread {
 public:
  TaskThread();
  ~TaskThread();
  void add(std::function<void()> task);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace nnunet::serve
