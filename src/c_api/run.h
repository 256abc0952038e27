#pragma once
#include <cstdint>
#include <string>

#include "nnunet.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/infer/watched_lane.h"

namespace nnunet::c_api {

/// nnunet_run_options, checked.
class Run {
 public:
  /// Throws InvalidCall.
  explicit Run(const nnunet_run_options* options);

  const PredictorOptions& windows() const { return windows_; }
  /// As many as are asked for, else OpenMP's number.
  int threads() const;
  /// Tells the caller how far an image is. Throws Cancelled where he wants no more.
  void tell(std::int64_t done, std::int64_t total, const std::string& name, std::int64_t image = 0,
            std::int64_t images = 1) const;
  /// What a lane does for it: takes turns with the model's networks, tells of the windows. This must outlive it.
  LaneWatch watch(nnunet_model& model, const std::string& name, std::int64_t image = 0, std::int64_t images = 1) const;

 private:
  nnunet_run_options options_;
  PredictorOptions windows_;
};

/// OpenMP's number of threads for what this thread starts, while it lives; 0: as it is.
class ThreadCount {
 public:
  explicit ThreadCount(int threads);
  ~ThreadCount();
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int former_;
};

/// Throws InvalidCall for a number that is none of the choices.
nnunet_choice checked(nnunet_choice choice, const char* name);
/// Throws InvalidCall for a number of threads that cannot be started.
void check_threads(std::int32_t threads);

}  // namespace nnunet::c_api
