#pragma once
#include <vector>

namespace nnunet {

/// Seconds of a series of batches as the reference's benchmark reports them: milliseconds, percentiles with numpy's
/// linear interpolation.
struct Latency {
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;
};

/// Throws Error for an empty series.
Latency summarise(std::vector<double> seconds);

}  // namespace nnunet
