#pragma once
#include <array>
#include <cstdint>

#include "nnunet/core/array.h"
#include "nnunet/plan/sliding_window_plan.h"

namespace nnunet {

/// Lines (along x) of a volume's logits, just finished: those with z in [z_begin, z_end) and y in [y_begin, y_end).
/// Lines one before these, in z, y or both, can still be read.
struct FinishedLogits {
  std::int64_t classes = 0;
  Shape3 shape{};                 ///< of the volume (D,H,W)
  std::int64_t class_stride = 0;  ///< values from a class of a line to its next class
  std::int64_t z_begin = 0, z_end = 0, y_begin = 0, y_end = 0;
  const void* const* lines = nullptr;  ///< (D,H)
  SumType type = SumType::fp32;        ///< of the numbers; float16 as its bits

  /// (K,W), W contiguous.
  const float* line(std::int64_t z, std::int64_t y) const { return static_cast<const float*>(lines[z * shape[1] + y]); }
  const std::uint16_t* half_line(std::int64_t z, std::int64_t y) const {
    return static_cast<const std::uint16_t*>(lines[z * shape[1] + y]);
  }
};

/// Takes a volume's logits while they come into being, so that nobody needs to hold them all.
class LogitSink {
 public:
  virtual ~LogitSink() = default;
  /// Before the first lines; shape (D,H,W).
  virtual void begin(std::int64_t classes, const Shape3& shape) = 0;
  /// Blocks of lines ordered by z, then y, that cover the volume without overlap; one call at a time. May be empty.
  virtual void take(const FinishedLogits& logits) = 0;
};

/// Room for numbers (K,D,H,W) in somebody's memory. Strides in numbers; may be negative.
struct ClassVolume {
  float* values = nullptr;
  std::array<std::int64_t, 4> strides{};
};

/// Writes logits into such a room, which has the right size.
class LogitWriter final : public LogitSink {
 public:
  explicit LogitWriter(const ClassVolume& to) : to_(to) {}
  void begin(std::int64_t /*classes*/, const Shape3& /*shape*/) override {}
  void take(const FinishedLogits& logits) override;

 private:
  ClassVolume to_;
};

/// Hands kept logits (K,D,H,W), C order, to a sink, which sees them as they came from the windows. type: of the sums
/// that they were made by; float16 ones lie here widened.
void pass_on(const float* logits, std::int64_t classes, const Shape3& shape, SumType type, LogitSink& sink);

/// Keeps the largest class of each voxel.
class LabelSink final : public LogitSink {
 public:
  void begin(std::int64_t classes, const Shape3& shape) override;
  void take(const FinishedLogits& logits) override;
  /// (D,H,W)
  const Array<std::uint8_t>& labels() const { return labels_; }

 private:
  Array<std::uint8_t> labels_;
};

}  // namespace nnunet
