#include "nnunet/distributed/gradient_average.h"

#include <torch/csrc/distributed/c10d/reducer.hpp>

namespace nnunet {

namespace {

constexpr std::size_t kFirstBucket = std::size_t{1} << 20, kBucket = std::size_t{25} << 20;  // bytes, as torch's own

/// Indices of the parameters by bucket, in the order in which the backward reaches them.
std::vector<std::vector<std::size_t>> buckets_of(const std::vector<torch::Tensor>& parameters) {
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {kFirstBucket, kBucket});
  return {buckets.rbegin(), buckets.rend()};
}

}  // namespace

struct GradientAverage::State {
  State(const ProcessGroup& group, const std::vector<torch::Tensor>& parameters)
      : reducer(parameters, buckets_of(parameters), group.engine(), std::vector<bool>(parameters.size(), false),
                static_cast<std::int64_t>(kBucket), /*find_unused_parameters=*/false,
                /*gradient_as_bucket_view=*/true, {}, static_cast<std::int64_t>(kFirstBucket),
                /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, {}) {}
  c10d::Reducer reducer;
};

GradientAverage::GradientAverage(const ProcessGroup& group, const std::vector<torch::Tensor>& parameters)
    : state_(group.alone() ? nullptr : std::make_unique<State>(group, parameters)) {}

GradientAverage::~GradientAverage() = default;

void GradientAverage::before_forward() {
  if (state_) state_->reducer.prepare_for_forward();
}

void GradientAverage::before_backward() {
  if (state_) state_->reducer.prepare_for_backward({});
}

}  // namespace nnunet
