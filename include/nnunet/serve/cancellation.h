#pragma once
#include <atomic>
#include <memory>
#include <mutex>

#include "nnunet/serve/served_model.h"

namespace nnunet::serve {

/// Tells whoever works for a client that the client has gone. Thread-safe.
class Cancellation {
 public:
  /// For the next piece of work.
  std::shared_ptr<SegmentWatch> watch();
  void cancel();
  bool cancelled() const { return cancelled_; }

 private:
  std::mutex mutex_;
  std::atomic<bool> cancelled_{false};
  std::shared_ptr<SegmentWatch> watch_;
};

}  // namespace nnunet::serve
