// nnunet export: a trained network for other programs.
#include "nnunet/export/export.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/data/folder.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/io/names.h"
#include "number_checks.h"
#include "shared_options.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

struct Flags : ExportOptions {
  std::filesystem::path ckpt_path;
  std::string precision = "fp32";
  std::filesystem::path data;
  std::string task;
  int dim = 3;
  NetworkOptions network;
};

Precision precision_from_name(const std::string& name) {
  return name == "fp16" ? Precision::fp16 : name == "bf16" ? Precision::bf16 : Precision::fp32;
}

void run(const Flags& f) {
  if (f.format != "onnx") go_where_torch_is("--format " + f.format);
  require_folder_name(f.output, "--output");
  std::optional<DataConfig> config;
  if (!f.data.empty()) config = PreprocessedFolder(f.data, f.task, f.dim).config();
  const Checkpoint checkpoint = load_checkpoint(f.ckpt_path, {config ? &*config : nullptr, f.network});
  ExportOptions options = f;
  options.torchscript = torchscript_here();
  options.model.precision = precision_from_name(f.precision);
  for (const auto& file : export_model(checkpoint, options)) fmt::print("{}\n", file.string());
}

void add_triton_options(CLI::App& c, TritonOptions& o) {
  const std::string group = "Triton";
  c.add_option("--model_name", o.model_name,
               "Models are called NAME_onnx, NAME_torchscript and NAME_tensorrt (default: nnunet_<task>_<dim>d)")
      ->group(group);
  c.add_option("--model_version", o.model_version, "Version of the models")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_option("--max_batch", o.max_batch,
               "Patches that the server may put into one batch (default: 4 in 3D, 64 in 2D)")
      ->check(positive())
      ->group(group);
  c.add_option("--preferred_batch_sizes", o.preferred_batch_sizes,
               "Batches that dynamic batching tries to make (default: half of --max_batch and --max_batch)")
      ->check(positive())
      ->group(group);
  c.add_option("--max_queue_delay_us", o.max_queue_delay_us,
               "Microseconds that a request may wait for others; 0: no dynamic batching")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  c.add_option("--number_of_model_instances", o.instances, "Instances of a model a GPU")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_flag("--capture_cuda_graph", o.capture_cuda_graph, "TensorRT: run the network as a CUDA graph")->group(group);
}

void add_foreign_options(CLI::App& c, Flags& f) {
  const std::string group = "Network of a checkpoint that does not describe itself";
  c.add_option("--data", f.data,
               "Folder that holds <task>_<dim>d as `nnunet preprocess` made it, or that folder itself")
      ->group(group);
  c.add_option("--task", f.task, "Task number")->group(group);
  c.add_option("--dim", f.dim, "Dimension of the U-Net")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str()
      ->group(group);
  add_network_options(c, f.network, group);
}

}  // namespace

void add_export(CLI::App& program) {
  auto* c = program.add_subcommand(
      "export", "Write a trained network for other programs: TorchScript, ONNX, Triton Inference Server");
  c->footer(
      "Models take preprocessed patches, INPUT__0 (batch, channels, patch) float32, and give OUTPUT__0, logits (batch, "
      "classes, patch) float32.\n"
      "  nnunet export --ckpt_path best.ckpt --format onnx --output exported\n"
      "  nnunet export --ckpt_path best.ckpt --format triton --output model_repository --precision fp16 --max_batch 8");
  const auto f = std::make_shared<Flags>();
  c->add_option("--ckpt_path", f->ckpt_path, "Checkpoint")->required();
  c->add_option("--format", f->format,
                "torchscript: model.pt; onnx: model.onnx; triton: a model repository with both and what makes a "
                "TensorRT plan")
      ->check(CLI::IsMember({"torchscript", "onnx", "triton"}))
      ->required();
  c->add_option("--output", f->output, "Folder for the files")->required();
  c->add_option(
       "--precision", f->precision,
       "fp32, fp16 or bf16: type of the weights, and of the arithmetic too (ONNX in bf16: of the weights only)")
      ->check(CLI::IsMember({"fp32", "fp16", "bf16"}))
      ->capture_default_str();
  c->add_flag("--argmax", f->model.argmax, "Give class indices (batch, patch) int64 instead of logits");
  add_triton_options(*c, f->triton);
  add_foreign_options(*c, *f);
  c->callback([f] { run(*f); });
}

}  // namespace nnunet::app
