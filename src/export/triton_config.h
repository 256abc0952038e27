#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/export/triton.h"

namespace nnunet {

/// What config.pbtxt says of a model.
struct TritonModel {
  std::string name, platform, backend, file;  ///< file: of the model, in the version's folder
  std::vector<std::int64_t> input, output;    ///< without the batch
  bool gpu_only = false;
};

/// The text of config.pbtxt: protobuf's text format of Triton's ModelConfig. options: complete (no defaults open).
std::string triton_config(const TritonModel& model, const ModelOptions& what, const ModelMetadata& metadata,
                          const TritonOptions& options);

}  // namespace nnunet
