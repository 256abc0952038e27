#pragma once
#include <chrono>
#include <string>

namespace nnunet::app {

/// Lines on stdout that tell 3D Slicer, and what else starts modules by its execution model, how far a command is:
/// <filter-start> when made, <filter-progress> now and then, <filter-end> by finish(). Not thread-safe.
class FilterProgress {
 public:
  FilterProgress(std::string name, const std::string& comment);

  /// share: 0 to 1. What would not be seen is left out: less than half a per cent more.
  void show(double share);
  void finish();

 private:
  std::string name_;
  double shown_ = -1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace nnunet::app
