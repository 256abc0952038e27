#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "nnunet/infer/restore.h"
#include "nnunet/io/npy.h"

namespace nnunet {

/// The .npy file (K, image's axes) that takes a case's probabilities line by line, in the network's axes.
class ProbabilityFile {
 public:
  /// background: whether class 0 is 1 outside the box, not 0.
  ProbabilityFile(const std::filesystem::path& path, const OriginalGrid& grid, std::int64_t classes, bool background);

  /// Probabilities (K, lines, box width) of the lines from (z,y) of the box on, along y. From any thread.
  void write(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y);
  /// What was written may leave the memory.
  void rest() { writer_.rest(); }
  void commit() { writer_.commit(); }

 private:
  void write_lines(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y) const;
  void scatter(const std::vector<float>& values, std::int64_t lines, std::int64_t z, std::int64_t y);
  void write_background();

  OriginalGrid grid_;
  std::int64_t classes_, width_;
  bool background_;
  bool transposed_;  ///< lines do not lie in one piece in the file, which is then mapped
  Shape3 strides_;   ///< of the network's axes in the file
  NpyWriter<float> writer_;
  std::span<float> map_;
};

/// Steps in an array of the image's axes that go along the network's.
Shape3 strides_in_image(const OriginalGrid& grid);

}  // namespace nnunet
