#pragma once
#include <map>
#include <string>

namespace nnunet::serve {

/// Prometheus' text format: each metric's lines under its HELP and TYPE, and the process's own memory.
std::string metrics_text(std::map<std::string, std::string> lines);

}  // namespace nnunet::serve
