#include "nnunet/export/triton.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "triton_config.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Sizes = std::vector<std::int64_t>;

TritonOptions completed(TritonOptions o, const Checkpoint& checkpoint) {
  const int dim = checkpoint.plan.dim;
  if (o.model_name.empty())
    o.model_name = fmt::format("nnunet_{}_{}d", checkpoint.data.task.empty() ? "model" : checkpoint.data.task, dim);
  if (o.max_batch == 0) o.max_batch = dim == 3 ? 4 : 64;
  if (o.preferred_batch_sizes.empty()) {
    if (o.max_batch > 1) o.preferred_batch_sizes.push_back(o.max_batch / 2);
    o.preferred_batch_sizes.push_back(o.max_batch);
  }
  return o;
}

void check(const TritonOptions& o) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (!std::ranges::all_of(o.model_name, allowed) || o.model_name.front() == '.')
    throw Error("--model_name", fmt::format("\"{}\" is no name of a model", o.model_name),
                "use letters, digits, \"_\" and \"-\"");
  if (o.model_version < 1) throw Error("--model_version", fmt::format("{} is below 1", o.model_version));
  if (o.max_batch < 1) throw Error("--max_batch", fmt::format("{} is below 1", o.max_batch));
  if (o.instances < 1) throw Error("--number_of_model_instances", fmt::format("{} is below 1", o.instances));
  if (o.max_queue_delay_us < 0)
    throw Error("--max_queue_delay_us", fmt::format("{} is negative", o.max_queue_delay_us));
  for (const std::int64_t size : o.preferred_batch_sizes)
    if (size < 1 || size > o.max_batch)
      throw Error("--preferred_batch_sizes", fmt::format("{} is not in 1 to {}", size, o.max_batch),
                  "give sizes up to --max_batch");
}

/// trtexec's --...Shapes of a batch.
std::string shapes(const std::string& which, std::int64_t batch, const Sizes& input) {
  return fmt::format("--{}Shapes={}:{}x{}", which, kModelInput, batch, shape_text(input));
}

/// fp16: the ONNX file has the types. bf16: the file has float32 arithmetic; TensorRT is to use bf16 where it is
/// faster.
std::string trtexec_precision(Precision precision) {
  if (precision == Precision::fp16) return "--stronglyTyped";
  return precision == Precision::bf16 ? "--bf16" : "--noTF32";
}

std::string tensorrt_script(const TritonOptions& o, Precision precision, const Sizes& input) {
  return fmt::format(
      R"sh(#!/bin/sh
# Makes {name}_tensorrt of {name}_onnx. Run it with TensorRT's trtexec (TensorRT 10; TRTEXEC names another one) on a GPU
# of the kind that is to serve the model, with the TensorRT of the server: plans fit no other. More options of trtexec
# may follow.
set -eu
cd "$(dirname "$0")"
model={name}_tensorrt
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT
"${{TRTEXEC:-trtexec}}" --onnx={name}_onnx/{version}/model.onnx --saveEngine="$plan" \
  {min} \
  {opt} \
  {max} \
  {precision} "$@"
mkdir -p "$model/{version}"
cp "$plan" "$model/{version}/model.plan"
cp "$model.pbtxt" "$model/config.pbtxt"
echo "$model is ready"
)sh",
      fmt::arg("name", o.model_name), fmt::arg("version", o.model_version), fmt::arg("min", shapes("min", 1, input)),
      fmt::arg("opt", shapes("opt", o.preferred_batch_sizes.back(), input)),
      fmt::arg("max", shapes("max", o.max_batch, input)), fmt::arg("precision", trtexec_precision(precision)));
}

/// Shapes without the batch.
Sizes with_channels(std::int64_t channels, const Sizes& patch) {
  Sizes shape;
  if (channels > 0) shape.push_back(channels);
  shape.insert(shape.end(), patch.begin(), patch.end());
  return shape;
}

}  // namespace

std::vector<fs::path> write_triton_repository(const fs::path& folder, const Checkpoint& checkpoint,
                                              const ModelOptions& model, const TritonOptions& options,
                                              const TorchScriptWriter& torchscript) {
  const TritonOptions o = completed(options, checkpoint);
  check(o);
  const Sizes &patch = checkpoint.data.patch_size, input = with_channels(checkpoint.plan.in_channels, patch),
              output = with_channels(model.argmax ? 0 : checkpoint.plan.n_class, patch);
  const ModelMetadata metadata = model_metadata(checkpoint, model);
  const auto config = [&](const TritonModel& m) { return triton_config(m, model, metadata, o); };
  std::vector<fs::path> files;
  const auto write = [&](const fs::path& path, const std::string& content) {
    write_file(folder / path, std::as_bytes(std::span(content)));
    files.push_back(folder / path);
  };

  const fs::path version = std::to_string(o.model_version);
  const std::string onnx = o.model_name + "_onnx", script = o.model_name + "_torchscript",
                    tensorrt = o.model_name + "_tensorrt", build = "build_" + tensorrt + ".sh";
  // A model's configuration last: with it the model is there.
  write(fs::path(onnx) / version / "model.onnx", to_onnx(checkpoint, model));
  write(fs::path(onnx) / "config.pbtxt",
        config({onnx, "onnxruntime_onnx", "onnxruntime", "model.onnx", input, output, false}));
  write(fs::path(script) / version / "model.pt", torchscript(checkpoint, model));
  write(fs::path(script) / "config.pbtxt",
        config({script, "pytorch_libtorch", "pytorch", "model.pt", input, output, false}));
  // Plain files: a folder without a model would keep the server from starting.
  write(tensorrt + ".pbtxt", config({tensorrt, "tensorrt_plan", "tensorrt", "model.plan", input, output, true}));
  write(build, tensorrt_script(o, model.precision, input));
  fs::permissions(folder / build, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                  fs::perm_options::add);
  return files;
}

}  // namespace nnunet
