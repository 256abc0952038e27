#pragma once
#include <cstdint>
#include <memory>
#include <vector>

/// What goes into a network and comes out of it, in this machine's memory.
namespace nnunet {

/// Windows (N,C,spatial), float32, contiguous; spatial is (d,h,w) or (h,w).
struct WindowBatch {
  const float* values = nullptr;
  std::vector<std::int64_t> shape;

  std::int64_t size() const { return shape.front(); }
  /// Numbers in a window.
  std::int64_t window_values() const;
  /// Windows [begin, begin + count).
  WindowBatch part(std::int64_t begin, std::int64_t count) const;
};

/// Logits (N,K,spatial), float32 or bf16, in any layout.
struct Logits {
  const void* values = nullptr;
  bool bf16 = false;
  std::vector<std::int64_t> shape, strides;  ///< strides in numbers
  std::shared_ptr<const void> memory;        ///< keeps the values

  /// Contiguous float32 logits of that shape, values undefined, and where to write them.
  static Logits make(std::vector<std::int64_t> shape, float*& to);
  /// To (N,K,spatial) float32, contiguous.
  void copy_to(float* to) const;
};

/// Logits of the next batch in the memory of one before, when nobody holds that any more: large blocks are not taken
/// from the system, page by page, for each batch.
class LogitMemory {
 public:
  Logits make(std::vector<std::int64_t> shape, float*& to);

 private:
  std::shared_ptr<std::vector<float>> kept_;
};

}  // namespace nnunet
