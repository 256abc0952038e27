#pragma once
#include "nnunet/data/loader.h"

namespace nnunet::test {

/// A loader's options with those of the sampler that deals out whole epochs.
struct EpochLoading : LoaderOptions {
  double oversampling = 0.33;
  std::int64_t limit_batches = 0;
  bool centred = false;
};

inline Loader epochs_over(const PreprocessedFolder& folder, std::vector<std::int64_t> indices,
                          const EpochLoading& options) {
  return Loader(
      folder,
      sample_epochs(std::move(indices), {options.seed, options.oversampling, options.limit_batches, options.centred}),
      options);
}

}  // namespace nnunet::test
