#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/memory.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"

namespace nnunet {

/// Per-axis median over the images (mm; z,y,x); if its max/min is >= 3, the coarsest axis takes the 10th percentile of
/// its spacings instead. Throws Error for an empty list.
Spacing3 target_spacing(const std::vector<Spacing3>& spacings);

/// What the training cases say about a dataset.
struct Fingerprint {
  Spacing3 spacing{};         ///< target_spacing of the readable cases
  std::optional<CtStats> ct;  ///< when asked for
};

/// Reads the training cases on up to `threads` threads (0: all cores): headers only, or with_ct images and labels too,
/// as many at a time as the budget allows. Cases that cannot be read are left out with a warning; Throws Error when the
/// dataset has no training list or no case can be read. done: called after each case, from any thread (may be empty).
Fingerprint collect_fingerprint(const Dataset& dataset, bool with_ct, int threads, MemoryBudget& memory,
                                const std::function<void()>& done = {});

}  // namespace nnunet
