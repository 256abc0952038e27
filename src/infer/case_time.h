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
  const std::string constant = report.constant_windows == 0
                                   ? ""
                                   : fmt::format("; {} of {} windows are constant and took the output of one before",
                                                 report.constant_windows, report.windows);
  log::info(fmt::format("{}: network {:.2f} s, after the last window {:.2f} s{}", name, report.network_seconds,
                        after.count(), constant));
}

}  // namespace nnunet
