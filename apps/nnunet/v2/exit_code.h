#pragma once
#include <fmt/format.h>

#include "nnunet/core/log.h"

namespace nnunet::app {

/// 1 where cases failed, each of which is named on the log already; else 0.
inline int exit_code(int failed_cases) {
  if (failed_cases == 0) return 0;
  log::error(fmt::format("{} cases failed; the lines above say why, the others are done", failed_cases));
  return 1;
}

}  // namespace nnunet::app
