#include "nnunet/data/folds.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/preprocess/numpy_random.h"

namespace nnunet {
namespace {

void check(std::int64_t cases, int n_folds, int fold) {
  if (n_folds < 2) {
    throw Error("--nfolds", fmt::format("{} folds do not split the cases", n_folds), "use at least 2");
  }
  if (fold < 0 || fold >= n_folds) {
    throw Error("--fold", fmt::format("fold {} is not one of the {} folds", fold, n_folds),
                fmt::format("use 0 to {}", n_folds - 1));
  }
  if (cases < n_folds) {
    throw Error("--nfolds", fmt::format("{} cases cannot be split into {} folds", cases, n_folds),
                "use fewer folds or add cases");
  }
}

}  // namespace

Fold make_fold(std::int64_t cases, int n_folds, int fold, std::uint32_t seed) {
  check(cases, n_folds, fold);
  const auto order = NumpyRandom(seed).permutation(static_cast<std::uint32_t>(cases));
  // The first cases % n_folds folds get one case more.
  const std::int64_t size = cases / n_folds, longer = cases % n_folds;
  const std::int64_t begin = fold * size + std::min<std::int64_t>(fold, longer);
  const std::int64_t end = begin + size + (fold < longer ? 1 : 0);

  std::vector<bool> validates(static_cast<std::size_t>(cases), false);
  for (std::int64_t i = begin; i < end; ++i) {
    validates[order[static_cast<std::size_t>(i)]] = true;
  }
  Fold result;
  for (std::int64_t i = 0; i < cases; ++i) {
    (validates[static_cast<std::size_t>(i)] ? result.val : result.train).push_back(i);
  }
  return result;
}

}  // namespace nnunet
