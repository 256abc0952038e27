#include <gtest/gtest.h>

#include "kernels/cuda/optimizer_stages.h"
#include "numbers.h"
#include "run_stages.h"

// The CUDA kernels' stages, run on the CPU, beside the CPU's own kernels.
namespace nnunet::kernels::cuda {
namespace {

using test::Numbers;

/// Three tensors, one of them of several pieces.
struct Tensors {
  std::vector<Numbers<float>> parameter, first, second, gradient;

  Tensors() {
    for (const std::int64_t count : {5, 40000, 33}) {
      parameter.push_back(test::random_numbers<float>(count, 1));
      first.emplace_back(count);
      second.emplace_back(count);
      gradient.emplace_back(count);
    }
  }
  void new_gradients(std::uint32_t step) {
    for (auto& g : gradient) g = test::random_numbers<float>(static_cast<std::int64_t>(g.size()), 10 + step);
  }
  OptimizerTensors list() {
    OptimizerTensors l;
    for (std::size_t i = 0; i < parameter.size(); ++i, ++l.size) {
      l.parameter[i] = parameter[i].data();
      l.gradient[i] = gradient[i].data();
      l.first[i] = first[i].data();
      l.second[i] = second[i].data();
      l.count[i] = static_cast<std::int64_t>(parameter[i].size());
    }
    return l;
  }
};

TEST(CudaOptimizer, AdamAgreesWithTheCpusKernelAndSkipsSteps) {
  for (const bool rectified : {false, true}) {
    Tensors staged, plain;
    const AdamRule rule{.weight_decay = 0.01, .rectified = rectified};
    const double rate = 0.01;
    std::int64_t counter = 0;
    float found_inf = 0;
    const OptimizerState state{&rate, &counter, &found_inf};
    AdamStep plan;
    std::int64_t good = 0;
    for (std::uint32_t step = 0; step < 12; ++step) {
      staged.new_gradients(step);
      plain.new_gradients(step);
      found_inf = step % 4 == 2 ? 1.0f : 0.0f;
      if (found_inf != 0) staged.gradient[1][7] = INFINITY;
      const OptimizerTensors list = staged.list();
      test::run_stage({}, AdamPlan{rule, state, &plan});
      test::run_stage({}, AdamUpdate{OptimizerTiles(list), list, state, &plan});
      if (found_inf != 0) continue;
      const AdamStep expected = adam_step_of(rule, ++good, rate);
      for (std::size_t i = 0; i < plain.parameter.size(); ++i)
        adam_step(plain.parameter[i].data(), plain.gradient[i].data(), plain.first[i].data(), plain.second[i].data(),
                  static_cast<std::int64_t>(plain.parameter[i].size()), expected);
    }
    EXPECT_EQ(counter, good);
    for (std::size_t i = 0; i < plain.parameter.size(); ++i) {
      EXPECT_LT(test::deviation(staged.parameter[i], plain.parameter[i]), 1e-6) << rectified;
      EXPECT_LT(test::deviation(staged.second[i], plain.second[i]), 1e-6) << rectified;
    }
  }
}

TEST(CudaOptimizer, SgdByHand) {
  Tensors t;
  const double rate = 0.1;
  float found_inf = 0;
  const OptimizerState state{&rate, nullptr, &found_inf};
  for (auto& g : t.gradient) std::fill(g.begin(), g.end(), 2.0f);
  const std::vector<Numbers<float>> before = t.parameter;
  for (const float skip : {0.0f, 1.0f, 0.0f}) {
    found_inf = skip;
    const OptimizerTensors list = t.list();
    test::run_stage({}, SgdUpdate{OptimizerTiles(list), list, state, {.momentum = 0.5}});
  }
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < before[i].size(); ++j)
      ASSERT_NEAR(t.parameter[i][j], before[i][j] - 0.1f * 2 - 0.1f * 3, 1e-6);
}

}  // namespace
}  // namespace nnunet::kernels::cuda
