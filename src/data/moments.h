#pragma once
#include <cstdint>
#include <limits>

// What operators on whole channels ask for: range, mean and standard deviation.
namespace nnunet {

/// Values are taken in blocks of kBlock, in float within a block and in double between them, so that the digits depend
/// neither on the vector unit nor on a large mean.
class Moments {
 public:
  static constexpr std::int64_t kBlock = 1024;

  Moments() = default;
  Moments(const float* values, std::int64_t count);
  /// At most kBlock values; all blocks but the last are full.
  void see(const float* values, std::int64_t count);

  float least() const { return least_; }
  float most() const { return most_; }
  double mean() const { return mean_; }
  /// With the divisor n - 1; 0 of a single value.
  double deviation() const;

 private:
  float least_ = std::numeric_limits<float>::infinity(), most_ = -std::numeric_limits<float>::infinity();
  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;  // of the differences from the mean
};

}  // namespace nnunet
