#include "nnunet/kernels/aligned.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace nnunet::kernels {

AlignedBytes::AlignedBytes(std::int64_t size) : size_(size) {
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const auto bytes = static_cast<std::size_t>(size);
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, whole)));
  if (memory_ == nullptr && whole > 0) throw std::bad_alloc();
  // Only a hint: the boxes that convolutions read touch many small pages.
  if (alignment == kHugePage) static_cast<void>(madvise(memory_.get(), whole, MADV_HUGEPAGE));
}

void AlignedBytes::Free::operator()(std::byte* p) const {
  std::free(p);
}

}  // namespace nnunet::kernels
