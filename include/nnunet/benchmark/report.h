#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/benchmark/latency.h"

namespace nnunet {

/// One measured number.
struct Figure {
  std::string key;   ///< in perf.json
  std::string name;  ///< in the table, with its unit
  double value = 0;
};

/// What one run measured.
struct BenchmarkReport {
  using Setup = std::vector<std::pair<std::string, std::string>>;

  std::string mode;
  Setup setup;  ///< what was measured: task, batch, precision, ...; reports add the processor
  std::vector<Figure> figures;

  /// throughput_<mode> and latency_<mode>_mean, _50, .. units: "img/s" and "batch", say.
  void add(const Latency& latency, double throughput, const std::string& unit, const std::string& what);
  const Figure* find(const std::string& key) const;
  /// Aligned, setup first.
  std::string table() const;
};

/// Adds a line to RESULTS/LOGNAME (dllogger's format, step []: the figures, 3 decimals, then the setup) and a row to
/// the markdown table beside it (perf.json: perf.md).
void save_report(const BenchmarkReport& report, const std::filesystem::path& results, const std::string& logname);

}  // namespace nnunet
