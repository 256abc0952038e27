#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "nnunet/infer/restore.h"

namespace nnunet {

/// Takes a case's probabilities line by line, in the network's axes.
class ProbabilityOutput {
 public:
  virtual ~ProbabilityOutput() = default;
  /// Probabilities (K, lines, box width) of the lines from (z,y) of the box on, along y. From any thread.
  virtual void write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) = 0;
  /// What was written may leave the memory.
  virtual void rest() {}
  virtual void commit() {}
};

/// A .npy file (K, image's axes). background: whether class 0 is 1 outside the box, not 0.
std::unique_ptr<ProbabilityOutput> probability_file(const std::filesystem::path& path, const OriginalGrid& grid,
                                                    std::int64_t classes, bool background);
/// Somebody's memory.
std::unique_ptr<ProbabilityOutput> probability_memory(const ClassVolume& memory, const OriginalGrid& grid,
                                                      std::int64_t classes, bool background);

/// Steps in an array of the image's axes that go along the network's.
Shape3 strides_in_image(const OriginalGrid& grid);

}  // namespace nnunet
