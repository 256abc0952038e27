#pragma once
#include <memory>

#include "byte_source.h"
#include "nnunet/checkpoint/torch_file.h"
#include "pickle_reader.h"

namespace nnunet {

/// load_torch_file of bytes that lie anywhere. wanted: which entries of the root's dict are read; the others are None,
/// and their tensors' bytes are not looked at.
Value load_torch_file(const std::shared_ptr<const ByteSource>& file, const WantedKeys& wanted = {});

}  // namespace nnunet
