#pragma once
#include <csignal>
#include <string>

namespace nnunet {

/// Exit code of a command that was asked to stop (SIGTERM, SIGINT), saved its state and can be continued: EX_TEMPFAIL
/// of sysexits.h, "try again".
inline constexpr int kInterruptedExitCode = 75;

/// While it lives, SIGTERM and SIGINT do not end the process but wait to be asked for; after the first was seen, a
/// second ends it as usual. Make it before other threads are started: they inherit that the signals are held back.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// True from the first signal on.
  bool requested();
  /// "SIGTERM" or "SIGINT"; empty before.
  const std::string& signal_name() const { return name_; }

 private:
  sigset_t waited_for_{}, former_{};
  std::string name_;
};

}  // namespace nnunet
