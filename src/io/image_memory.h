#pragma once
#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "nnunet/core/error.h"

namespace nnunet {

/// A file of a few megabytes can hold more zeros than the machine has memory; to try would end the whole process.
/// Throws Error, naming the file, where the bytes are more than what is free.
void require_image_memory(std::size_t bytes, const std::string& name);

template <class Body>
auto with_memory_errors(const std::string& name, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    throw Error(name, "there is not enough memory for its voxels", "use a machine with more memory");
  }
}

}  // namespace nnunet
