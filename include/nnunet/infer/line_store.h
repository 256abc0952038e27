#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/infer/window_plan.h"

namespace nnunet {

/// The lines of a volume's logits, (K,W) float32 each, that are neither untouched nor given away yet. One block of
/// memory, of the most lines that are ever held, serves all.
class LineStore {
 public:
  /// What happens to the lines, step by step: these come, then those go.
  struct Step {
    LineRange acquired, released;
  };

  LineStore(std::int64_t classes, const Shape3& shape, const std::vector<Step>& steps);

  /// Makes the range's lines available; those that were not are listed in new_lines(), their values undefined.
  void acquire(const LineRange& range);
  const std::vector<float*>& new_lines() const { return new_lines_; }
  void release(const LineRange& range);

  /// (D,H) lines, null where not available.
  float* const* lines() const { return lines_.data(); }
  float* line(std::int64_t z, std::int64_t y) const { return lines_[index(z, y)]; }
  std::int64_t line_values() const { return line_values_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::size_t index(std::int64_t z, std::int64_t y) const { return static_cast<std::size_t>(z * height_ + y); }

  std::int64_t height_, line_values_, bytes_;
  std::unique_ptr<float[]> memory_;
  std::vector<float*> lines_, free_, new_lines_;
};

}  // namespace nnunet
