#include "triton_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace nnunet {
namespace {

/// A string of protobuf's text format.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result + "\"";
}

std::string tensor(const char* list, const char* name, const char* type, const std::vector<std::int64_t>& dims) {
  return fmt::format("{} [\n  {{\n    name: \"{}\"\n    data_type: {}\n    dims: [ {} ]\n  }}\n]\n", list, name, type,
                     fmt::join(dims, ", "));
}

std::string dynamic_batching(const TritonOptions& options) {
  if (options.max_queue_delay_us == 0) return "";
  return fmt::format("dynamic_batching {{\n  preferred_batch_size: [ {} ]\n  max_queue_delay_microseconds: {}\n}}\n",
                     fmt::join(options.preferred_batch_sizes, ", "), options.max_queue_delay_us);
}

/// The first calls compile and choose algorithms: no client shall wait for them.
std::string warmup(const TritonModel& model, const TritonOptions& options) {
  std::string text;
  for (const std::int64_t batch : {std::int64_t{1}, options.max_batch}) {
    if (batch == 1 && options.max_batch == 1) continue;
    text += fmt::format(
        "model_warmup {{\n  name: \"batch {}\"\n  batch_size: {}\n  inputs {{\n    key: \"{}\"\n    value {{ "
        "data_type: "
        "TYPE_FP32 dims: [ {} ] zero_data: true }}\n  }}\n}}\n",
        batch, batch, kModelInput, fmt::join(model.input, ", "));
  }
  return text;
}

}  // namespace

std::string triton_config(const TritonModel& model, const ModelOptions& what, const ModelMetadata& metadata,
                          const TritonOptions& options) {
  std::string text =
      fmt::format("name: {}\nplatform: \"{}\"\nbackend: \"{}\"\ndefault_model_filename: \"{}\"\nmax_batch_size: {}\n",
                  quoted(model.name), model.platform, model.backend, model.file, options.max_batch);
  text += tensor("input", kModelInput, "TYPE_FP32", model.input);
  text += tensor("output", kModelOutput, what.argmax ? "TYPE_INT64" : "TYPE_FP32", model.output);
  text += dynamic_batching(options);
  text += fmt::format("instance_group [\n  {{\n    count: {}\n    kind: {}\n  }}\n]\n", options.instances,
                      model.gpu_only ? "KIND_GPU" : "KIND_AUTO");
  text += "version_policy { latest { num_versions: 1 } }\n";
  if (model.gpu_only && options.capture_cuda_graph) text += "optimization { cuda { graphs: true } }\n";
  text += warmup(model, options);
  for (const auto& [key, value] : metadata)
    text += fmt::format("parameters {{\n  key: \"{}\"\n  value {{ string_value: {} }}\n}}\n", key, quoted(value));
  return text;
}

}  // namespace nnunet
