#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/train/scheduler.h"

namespace nnunet {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The expected rates are PyTorch 2.13's own schedulers', from a rate of 0.1.
void expect_rates(const std::unique_ptr<Scheduler>& scheduler, const std::vector<double>& losses,
                  const std::vector<double>& rates) {
  ASSERT_EQ(losses.size(), rates.size());
  for (std::size_t i = 0; i < rates.size(); ++i) {
    EXPECT_NEAR(scheduler->step(losses[i]), rates[i], 1e-15) << "after epoch " << i;
  }
}

const std::vector<double> kPlateauLosses{1.0,  0.9,  0.90005, 0.89995, 0.8999, 0.95, 0.8,
                                         0.81, 0.82, 0.83,    0.84,    0.85,   0.86, 0.5};
const std::vector<double> kPlateauRates{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.03, 0.03, 0.03, 0.009, 0.009};

SchedulerOptions plateau() {
  return {.name = "plateau", .factor = 0.3, .lr_patience = 2};
}

TEST(Scheduler, None) {
  expect_rates(make_scheduler({}, 0.1), {1, 1, 1}, {0.1, 0.1, 0.1});
}

TEST(Scheduler, Multistep) {
  expect_rates(make_scheduler({.name = "multistep", .steps = {2, 4, 4, 7}, .factor = 0.3}, 0.1),
               std::vector<double>(9, kNaN), {0.1, 0.03, 0.03, 0.0027, 0.0027, 0.0027, 0.00081, 0.00081, 0.00081});
}

TEST(Scheduler, Cosine) {
  expect_rates(make_scheduler({.name = "cosine", .max_epochs = 10}, 0.1), std::vector<double>(13, kNaN),
               {0.09755282581475769, 0.09045084971874738, 0.07938926261462367, 0.06545084971874739, 0.05000000000000001,
                0.03454915028125264, 0.020610737385376353, 0.009549150281252635, 0.002447174185242324, 0.0,
                0.0024471741852423235, 0.009549150281252666, 0.020610737385376433});
}

/// nnU-Net v2's own rates, to the last digit.
TEST(Scheduler, Poly) {
  const auto poly = make_scheduler({.name = "poly", .max_epochs = 5}, 0.01);
  EXPECT_EQ(poly->learning_rate(), 0.01);
  for (const double rate : {0.008180521460508584, 0.006314458674893553}) EXPECT_EQ(poly->step(kNaN), rate);
  poly->step(kNaN);
  EXPECT_EQ(poly->step(kNaN), 0.0023492378861760376);
  EXPECT_EQ(poly->step(kNaN), 0);
  EXPECT_EQ(poly->step(kNaN), 0);  // a longer training than it was made for
  const auto longer = make_scheduler({.name = "poly", .max_epochs = 250}, 0.01);
  longer->start_at(125);
  EXPECT_EQ(longer->learning_rate(), 0.005358867312681466);
  longer->start_at(249);
  EXPECT_EQ(longer->learning_rate(), 6.947906928878752e-05);
}

TEST(Scheduler, WarmUpThenPolyOverTheRest) {
  const auto scheduler = make_scheduler({.name = "warmup_poly", .max_epochs = 60}, 0.01);
  const auto poly = make_scheduler({.name = "poly", .max_epochs = 10}, 0.01);
  EXPECT_DOUBLE_EQ(scheduler->learning_rate(), 0.01 / 50);
  for (int epoch = 1; epoch < 50; ++epoch) EXPECT_DOUBLE_EQ(scheduler->step(kNaN), 0.01 * (epoch + 1) / 50);
  EXPECT_EQ(scheduler->step(kNaN), 0.01);
  for (int epoch = 51; epoch <= 60; ++epoch) EXPECT_EQ(scheduler->step(kNaN), poly->step(kNaN));
}

TEST(Scheduler, Plateau) {
  expect_rates(make_scheduler(plateau(), 0.1), kPlateauLosses, kPlateauRates);
}

TEST(Scheduler, PlateauWithoutPatienceStopsAtTinyRates) {
  expect_rates(make_scheduler({.name = "plateau", .factor = 0.001, .lr_patience = 0}, 0.1), std::vector<double>(5, 1.0),
               {0.1, 1e-4, 1e-7, 1e-10, 1e-10});
}

TEST(Scheduler, PlateauDoesNotCountEpochsWithoutEvaluation) {
  std::vector<double> losses, rates;
  for (std::size_t i = 0; i < kPlateauLosses.size(); ++i) {
    losses.insert(losses.end(), {kPlateauLosses[i], kNaN, kNaN, kNaN});
    rates.insert(rates.end(), 4, kPlateauRates[i]);
  }
  expect_rates(make_scheduler(plateau(), 0.1), losses, rates);
}

TEST(Scheduler, ContinuesExactlyFromItsState) {
  for (const SchedulerOptions& options : {plateau(), SchedulerOptions{.name = "multistep", .steps = {3, 9}},
                                          SchedulerOptions{.name = "cosine", .max_epochs = 20}, SchedulerOptions{}}) {
    const auto straight = make_scheduler(options, 0.1), first = make_scheduler(options, 0.1),
               second = make_scheduler(options, 0.1);
    for (std::size_t i = 0; i < 8; ++i) {
      straight->step(kPlateauLosses[i]);
      first->step(kPlateauLosses[i]);
    }
    second->load_state(first->state(), "test");
    EXPECT_EQ(second->learning_rate(), straight->learning_rate());
    for (std::size_t i = 8; i < kPlateauLosses.size(); ++i)
      EXPECT_EQ(second->step(kPlateauLosses[i]), straight->step(kPlateauLosses[i])) << options.name;
  }
}

TEST(Scheduler, AnotherLearningRateScalesTheRate) {
  const SchedulerOptions options{.name = "multistep", .steps = {1}, .factor = 0.5};
  const auto before = make_scheduler(options, 0.1), after = make_scheduler(options, 0.2);
  before->step(1);
  after->load_state(before->state(), "test");
  EXPECT_DOUBLE_EQ(after->learning_rate(), 0.1);
}

TEST(Scheduler, StartsInTheMiddle) {
  for (const SchedulerOptions& options : {SchedulerOptions{.name = "multistep", .steps = {3, 9}},
                                          SchedulerOptions{.name = "cosine", .max_epochs = 20}, SchedulerOptions{}}) {
    const auto straight = make_scheduler(options, 0.1), late = make_scheduler(options, 0.1);
    for (std::size_t i = 0; i < 8; ++i) straight->step(1);
    late->start_at(8);
    EXPECT_NEAR(late->learning_rate(), straight->learning_rate(), 1e-12) << options.name;
    EXPECT_NEAR(late->step(1), straight->step(1), 1e-12) << options.name;
  }
}

TEST(Scheduler, RefusesBadOptionsAndStates) {
  EXPECT_THROW(make_scheduler({.name = "linear"}, 0.1), Error);
  EXPECT_THROW(make_scheduler({.name = "multistep"}, 0.1), Error);
  EXPECT_THROW(make_scheduler({.name = "plateau", .factor = 1.5}, 0.1), Error);
  EXPECT_THROW(make_scheduler({.name = "multistep", .steps = {1}, .factor = 0}, 0.1), Error);
  const auto scheduler = make_scheduler(plateau(), 0.1);
  EXPECT_THROW(scheduler->load_state(make_scheduler({}, 0.1)->state(), "test"), Error);
  EXPECT_THROW(scheduler->load_state(Value(), "test"), Error);
}

}  // namespace
}  // namespace nnunet
