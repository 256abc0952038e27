#include "nnunet/export/export.h"

#include <span>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"

namespace nnunet {

std::vector<std::filesystem::path> export_model(const Checkpoint& checkpoint, const ExportOptions& o,
                                                const TorchScriptWriter& torchscript) {
  require_writable_folder(o.output);
  if (o.format != "onnx" && o.format != "torchscript" && o.format != "triton")
    throw Error("--format", "unknown format \"" + o.format + "\"", "choose torchscript, onnx or triton");
  if (o.format != "onnx" && !torchscript)
    throw Error("--format", "\"" + o.format + "\" needs libtorch, which this program was built without", "choose onnx");
  if (o.model.argmax && model_plan(checkpoint).labels.decision == LabelDecision::sigmoid)
    throw Error("--argmax", "the network's outputs are regions, of which a voxel can be in several",
                "leave it out: the outputs are logits then, the metadata say what they mean");
  if (o.format == "triton") return write_triton_repository(o.output, checkpoint, o.model, o.triton, torchscript);
  const bool onnx = o.format == "onnx";
  const auto file = o.output / (onnx ? "model.onnx" : "model.pt");
  const std::string content = onnx ? to_onnx(checkpoint, o.model) : torchscript(checkpoint, o.model);
  write_file(file, std::as_bytes(std::span(content)));
  return {file};
}

}  // namespace nnunet
