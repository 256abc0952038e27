#include "nnunet/core/interrupt.h"

#include <ctime>

namespace nnunet {

Interrupt::Interrupt() {
  sigemptyset(&waited_for_);
  sigaddset(&waited_for_, SIGTERM);
  sigaddset(&waited_for_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &waited_for_, &former_);
}

Interrupt::~Interrupt() {
  pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

bool Interrupt::requested() {
  if (!name_.empty()) return true;
  const timespec at_once{};
  const int signal = sigtimedwait(&waited_for_, nullptr, &at_once);
  if (signal <= 0) return false;
  name_ = signal == SIGTERM ? "SIGTERM" : "SIGINT";
  pthread_sigmask(SIG_SETMASK, &former_, nullptr);
  return true;
}

}  // namespace nnunet
