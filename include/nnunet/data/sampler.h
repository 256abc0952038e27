#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/data/patch_place.h"

namespace nnunet {

/// 0 .. count-1 shuffled for that epoch.
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::uint32_t epoch);

/// A case that a patch is taken from.
struct SampledCase {
  std::int64_t index = 0;  ///< into the folder's cases
  const ForegroundIndex& foreground;
  Shape3 size{};
};

/// Which cases an epoch is made of, and where in them the patches lie. Everything follows from the epoch and the
/// sample, so that any thread or process can ask for any of them.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// The cases that can come, as indices into the folder's.
  virtual const std::vector<std::int64_t>& cases() const = 0;
  /// Steps of an epoch when all processes together take so many cases a step.
  virtual std::int64_t steps(std::int64_t cases_per_step) const = 0;
  /// The cases of an epoch in their order. Steps take them one after another, from the start again at the end; a case
  /// that cannot be read gives its place to the next.
  virtual std::vector<std::int64_t> order(std::uint32_t epoch) const = 0;
  /// Start of a sample's patch, which may begin before the volume or end behind it.
  virtual Shape3 patch_start(const SampledCase& from, const Shape3& patch, const SampleKey& key) const = 0;
};

/// The reference system's: an epoch is each case once, in a new order (contract, section 5).
struct EpochSampling {
  std::uint64_t seed = 1;
  double oversampling = 0.33;    ///< probability that a patch is centred on a foreground voxel
  std::int64_t limit_steps = 0;  ///< > 0: an epoch ends after so many
  bool centred = false;          ///< patches lie in the middle of their volumes, nothing random (benchmarks)
};
/// Throws Error for an oversampling that is no probability.
std::shared_ptr<const Sampler> sample_epochs(std::vector<std::int64_t> cases, const EpochSampling& how);

}  // namespace nnunet
