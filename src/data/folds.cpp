#include "nnunet/data/folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

// numpy's RandomState.shuffle: Fisher-Yates from the end, each index drawn by masking and rejecting.
std::vector<std::int64_t> numpy_shuffled(std::int64_t count, std::uint32_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::mt19937 engine(seed);
  for (std::size_t i = order.size() - 1; i > 0; --i) {
    const auto limit = static_cast<std::uint32_t>(i);
    const std::uint32_t mask = std::bit_ceil(limit + 1) - 1;
    std::uint32_t j;
    do {
      j = static_cast<std::uint32_t>(engine()) & mask;
    } while (j > limit);
    std::swap(order[i], order[j]);
  }
  return order;
}

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
  const auto order = numpy_shuffled(cases, seed);
  // The first cases % n_folds folds get one case more.
  const std::int64_t size = cases / n_folds, longer = cases % n_folds;
  const std::int64_t begin = fold * size + std::min<std::int64_t>(fold, longer);
  const std::int64_t end = begin + size + (fold < longer ? 1 : 0);

  std::vector<bool> validates(static_cast<std::size_t>(cases), false);
  for (std::int64_t i = begin; i < end; ++i) {
    validates[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
  }
  Fold result;
  for (std::int64_t i = 0; i < cases; ++i) {
    (validates[static_cast<std::size_t>(i)] ? result.val : result.train).push_back(i);
  }
  return result;
}

}  // namespace nnunet
