#include "image_memory.h"

#include <fmt/format.h>

#include <cstdint>

#include "nnunet/core/limits.h"
#include "nnunet/core/memory.h"

namespace nnunet {

void require_image_memory(std::size_t bytes, const std::string& name) {
  if (bytes <= limits::unchecked_image_bytes) return;
  const auto needed = static_cast<std::int64_t>(bytes), available = available_memory();
  if (available > 0 && needed > available)
    throw Error(
        name,
        fmt::format("reading it takes {} of memory, {} are available", format_bytes(needed), format_bytes(available)),
        "use a machine with more memory");
}

}  // namespace nnunet
