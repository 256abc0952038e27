#pragma once
#include <cstdint>
#include <vector>

namespace nnunet {

struct Fold {
  std::vector<std::int64_t> train, val;  ///< ascending indices
};

/// scikit-learn's KFold(n_folds, shuffle=True, random_state=seed): numpy's RandomState (MT19937) shuffles, contiguous
/// chunks validate. Throws Error when fold is not in [0, n_folds), n_folds < 2, or there are fewer cases than folds.
Fold make_fold(std::int64_t cases, int n_folds, int fold, std::uint32_t seed = 12345);

}  // namespace nnunet
