#pragma once
#include <memory>

#include "nnunet/train/scheduler.h"

// One a file; make_scheduler has checked their options.
namespace nnunet {

std::unique_ptr<Scheduler> constant_schedule(double learning_rate);
std::unique_ptr<Scheduler> multistep_schedule(const SchedulerOptions& options, double learning_rate);
std::unique_ptr<Scheduler> cosine_schedule(const SchedulerOptions& options, double learning_rate);
std::unique_ptr<Scheduler> plateau_schedule(const SchedulerOptions& options, double learning_rate);
/// Also with a warm-up (warmup_poly).
std::unique_ptr<Scheduler> poly_schedule(const SchedulerOptions& options, double learning_rate);

}  // namespace nnunet
