#include "nnunet/benchmark/latency.h"

#include <algorithm>
#include <numeric>

#include "nnunet/core/error.h"
#include "nnunet/plan/intensity.h"

namespace nnunet {

Latency summarise(std::vector<double> seconds) {
  if (seconds.empty()) throw Error("benchmark", "no step was measured", "run more steps than --warmup");
  std::sort(seconds.begin(), seconds.end());
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  const auto ms = [&](double q) { return 1000 * percentile(seconds, q); };
  return {1000 * sum / static_cast<double>(seconds.size()), ms(50), ms(90), ms(95), ms(99)};
}

}  // namespace nnunet
