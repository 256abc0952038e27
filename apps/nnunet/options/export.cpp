#include "export.h"

#include "shared_options.h"

namespace nnunet::app {
namespace {

std::vector<Option> model_options(ExportFlags& flags) {
  ExportOptions& o = flags.options;
  return {
      checkpoint(flags.ckpt_path).described("Checkpoint; or model of nnU-Net v2 (folder, zip, .pth)").must_be_given(),
      option("--format", o.format,
             "torchscript: model.pt; onnx: model.onnx; triton: a model repository with both and what makes a TensorRT "
             "plan")
          .one_of({"torchscript", "onnx", "triton"})
          .must_be_given(),
      output(o.output).described("Folder for the files").made_as_folder().must_be_given(),
      weight_type(o.model.precision),
      option("--argmax", o.model.argmax, "Give class indices (batch, patch) int64 instead of logits"),
  };
}

Group v2_group(ExportFlags& flags) {
  return {"Models of nnU-Net v2", fold_options(flags.trained)};
}

Group triton_group(TritonOptions& o) {
  return {"Triton",
          {
              option("--model_name", o.model_name, "Models are called NAME_onnx, NAME_torchscript and NAME_tensorrt")
                  .by_default("nnunet_<task>_<dim>d; of nnU-Net v2 nnunet_<dataset>_<configuration>"),
              option("--model_version", o.model_version, "Version of the models").positive(),
              max_batch(o.max_batch)
                  .described("Patches that the server may put into one batch")
                  .by_default("4 in 3D, 64 in 2D"),
              option("--preferred_batch_sizes", o.preferred_batch_sizes, "Batches that dynamic batching tries to make")
                  .positive()
                  .by_default("half of --max_batch and --max_batch"),
              option("--max_queue_delay_us", o.max_queue_delay_us,
                     "Microseconds that a request may wait for others; 0: no dynamic batching")
                  .not_negative()
                  .in("us"),
              option("--number_of_model_instances", o.instances, "Instances of a model a GPU").positive(),
              option("--capture_cuda_graph", o.capture_cuda_graph, "TensorRT: run the network as a CUDA graph"),
          }};
}

Group foreign_group(ExportFlags& flags) {
  std::vector<Option> data{data_folder(flags.cases.data), task(flags.cases.task).described("Task number"),
                           dimension(flags.cases.dim)};
  return {"Network of a checkpoint that does not describe itself", joined({data, network_options(flags.network)})};
}

}  // namespace

Command export_command(ExportFlags& flags) {
  return {
      .name = "export",
      .summary = "Write a trained network for other programs: TorchScript, ONNX, Triton Inference Server",
      .groups = {{"", model_options(flags)}, v2_group(flags), triton_group(flags.options.triton), foreign_group(flags)},
      .notes =
          "Models take preprocessed patches, INPUT__0 (batch, channels, patch) float32, and give OUTPUT__0, "
          "logits (batch, classes, patch) float32.",
      .examples = {{.line = "nnunet export --ckpt_path results/checkpoints/best.ckpt --format onnx --output exported"},
                   {.line = "nnunet export --ckpt_path results/checkpoints/best.ckpt --format triton --output "
                            "model_repository --precision fp16 --max_batch 8"}},
  };
}

}  // namespace nnunet::app
