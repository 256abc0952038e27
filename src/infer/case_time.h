#pragma once
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "nnunet/core/log.h"
#include "nnunet/infer/sliding_window.h"

namespace nnunet {

/// To be called when everything of the case is written.
inline void log_case_time(const std::string& name, const WindowReport& report) {
  const std::chrono::duration<double> after = std::chrono::steady_clock::now() - report.last_window;
  log::info(
      fmt::format("{}: network {:.2f} s, after the last window {:.2f} s", name, report.network_seconds, after.count()));
}

}  // namespace nnunet
