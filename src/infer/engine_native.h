#pragma once
#include <memory>
#include <string>

#include "nnunet/infer/engine.h"

namespace nnunet {

/// Kernels of our own (native/native_network.h) on the CPU.
std::unique_ptr<Engine> make_native_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                           const std::string& source);

}  // namespace nnunet
