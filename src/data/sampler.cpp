#include "nnunet/data/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

class EpochSampler final : public Sampler {
 public:
  EpochSampler(std::vector<std::int64_t> cases, const EpochSampling& how) : cases_(std::move(cases)), how_(how) {
    if (!(how_.oversampling >= 0 && how_.oversampling <= 1))
      throw Error("--oversampling", fmt::format("{} is not a probability", how_.oversampling), "use 0 to 1");
  }

  const std::vector<std::int64_t>& cases() const override { return cases_; }

  std::int64_t steps(std::int64_t cases_per_step) const override {
    const std::int64_t all = (static_cast<std::int64_t>(cases_.size()) + cases_per_step - 1) / cases_per_step;
    return how_.limit_steps > 0 ? std::min(all, how_.limit_steps) : all;
  }

  std::vector<std::int64_t> order(std::uint32_t epoch) const override {
    auto order = epoch_order(static_cast<std::int64_t>(cases_.size()), how_.seed, epoch);
    for (std::int64_t& place : order) place = cases_[static_cast<std::size_t>(place)];
    return order;
  }

  Shape3 patch_start(const SampledCase& from, const Shape3& patch, const SampleKey& key) const override {
    if (how_.centred) return centre_start(patch, from.size);
    CounterRng rng = key.rng(Stream::Crop);
    return crop_start(draw_centre(from.foreground, from.size, how_.oversampling, rng), patch, from.size);
  }

 private:
  const std::vector<std::int64_t> cases_;
  const EpochSampling how_;
};

}  // namespace

std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  CounterRng rng = SampleKey{seed, epoch, 0}.rng(Stream::Order);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(rng.integer(static_cast<std::int64_t>(i)))]);
  }
  return order;
}

std::shared_ptr<const Sampler> sample_epochs(std::vector<std::int64_t> cases, const EpochSampling& how) {
  return std::make_shared<EpochSampler>(std::move(cases), how);
}

}  // namespace nnunet
