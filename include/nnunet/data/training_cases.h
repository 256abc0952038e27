#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nnunet/core/array.h"

/// What patches of nnU-Net v2's training are taken from, wherever it is stored.
namespace nnunet {

/// A preprocessed case, read only. The pointers hold as long as `memory` does.
struct TrainingCase {
  const float* image = nullptr;  ///< (C,D,H,W), contiguous
  std::int64_t channels = 1;
  Shape3 size{};
  /// (D,H,W) each: the label map, and in a cascade the previous stage's. -1: outside of the crop's mask.
  std::vector<const std::int16_t*> labels = {};
  /// Voxels (z,y,x) that are remembered of each request of location_requests (preprocess/class_locations.h), in its
  /// order. An absent label has none.
  std::vector<std::span<const std::array<std::int32_t, 3>>> locations = {};
  std::shared_ptr<const void> memory = {};
};

/// The cases of a training. Thread-safe.
class TrainingCases {
 public:
  virtual ~TrainingCases() = default;
  /// Where they lie, for messages.
  virtual std::string place() const = 0;
  /// Sorted bytewise.
  virtual std::vector<std::string> names() const = 0;
  /// Cheap: the files are mapped, not read. Throws Error naming the file that is missing or broken.
  virtual TrainingCase open(const std::string& name) const = 0;
};

class CaseStore;
/// Those of a store, with the previous stage's label maps where it has them attached.
std::shared_ptr<const TrainingCases> training_cases(std::shared_ptr<const CaseStore> store);

}  // namespace nnunet
