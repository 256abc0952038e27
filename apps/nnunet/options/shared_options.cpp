#include "shared_options.h"

#include <array>

#include "nnunet/infer/engine_names.h"

namespace nnunet::app {

using std::filesystem::path;

Option data_folder(path& value) {
  return option("--data", value,
                "Folder that holds <task>_<dim>d as `nnunet preprocess` made it, or that folder itself");
}

Option results_folder(path& value) {
  return option("--results", value, "Folder for what is written").made_as_folder();
}

Option task(std::string& value) {
  return option("--task", value, "Task number, MSD uses 01 to 10 (not needed when --data is the preprocessed folder)");
}

Option dimension(int& value) {
  return option("--dim", value, "Dimension of the U-Net").one_of({"2", "3"});
}

Option nfolds(int& value) {
  return option("--nfolds", value, "Number of cross-validation folds");
}

Option fold(int& value) {
  return option("--fold", value, "Fold whose validation cases are used, from 0");
}

Option logname(std::string& value) {
  return option("--logname", value, "Name of the log in --results, dllogger's format");
}

Option input_images(path& value) {
  return option("--input", value,
                "NIfTI image, or folder of images; channels as 4D images or as NAME_0000.nii.gz, NAME_0001.nii.gz");
}

Option images_to_segment(path& value) {
  Option input = input_images(value);
  input.help += ". Or DICOM: a folder, a zip or a file";
  return input;
}

Option dicom_series(std::vector<std::string>& value) {
  return option("--dicom_series", value,
                "UIDs of the DICOM series to take (UID-1, UID-2, ..: volumes of one that holds several), or all")
      .by_default("the only one");
}

Option series_to_segment(std::vector<std::string>& value) {
  return dicom_series(value).described(
      "UIDs of the DICOM series to segment (or UID-1, UID-2, ..: a volume of several in one), or all; of networks of "
      "several channels one a channel, in their order");
}

Option output(path& value) {
  return option("--output", value, "Label map, or folder for <name>.nii.gz");
}

Option overwrite(bool& value) {
  return option("--overwrite", value, "Replace outputs that are there, whoever made them");
}

Option patch_size(std::vector<std::int64_t>& value) {
  return option("--patch_size", value, "Patch in voxels").values("[D] H W", 2, 3).in("voxels").by_default("the task's");
}

Option case_count(int& value) {
  return option("--cases", value, "Training cases");
}

Option job_count(int& value) {
  return option("--n_jobs", value, "Cases at a time (0: one per core)");
}

Option seed(std::uint64_t& value) {
  return option("--seed", value, "Random seed: weights, order and augmentation");
}

std::vector<Option> place_options(CaseSelection& cases, Option results, int& gpu_count) {
  return {data_folder(cases.data), std::move(results), task(cases.task), dimension(cases.dim),
          nfolds(cases.nfolds),    fold(cases.fold),   gpus(gpu_count)};
}

std::vector<Option> network_options(NetworkOptions& network) {
  return {
      option("--norm", network.norm, {{"instance", Norm::instance}, {"batch", Norm::batch}, {"group", Norm::group}},
             "Normalisation layer: instance, batch or group (32 groups)")
          .from("Ulyanov et al., Instance Normalization: The Missing Ingredient for Fast Stylization, 2016, "
                "arXiv:1607.08022"),
      option("--residual", network.residual, "Residual blocks in the encoder")
          .from("He et al., Deep Residual Learning for Image Recognition, CVPR 2016"),
      option("--negative_slope", network.negative_slope, "Negative slope of LeakyReLU"),
      option("--filters", network.filters, "Filters of each level")
          .by_default("32 doubled each level, at most 320 in 3D, 512 in 2D"),
      option("--min_fmap", network.min_fmap, "The smallest size, in voxels, that halving an axis may leave")
          .between(1, 1 << 20)
          .in("voxels"),
      option("--depth", network.depth, "Number of downsampling levels at most").between(1, 10),
  };
}

Option gpus(int& value) {
  return option("--gpus", value, "Number of GPUs; 0: the CPU").by_default("one GPU where there is one, else the CPU");
}

Option engine(std::string& value) {
  return option(
             "--engine", value,
             "What computes the network; auto: native on CPUs, libtorch on GPUs. `nnunet info --machine` lists those "
             "of this build")
      .one_of({kEngineNames.begin(), kEngineNames.end()});
}

namespace {

Option precision_option(Target target, std::vector<std::string> names, std::string help) {
  return Option{"--precision", std::move(target), std::move(help)}.one_of(std::move(names));
}

}  // namespace

Option precision(std::string& value) {
  return precision_option(&value, {"bf16", "fp16"}, "With --amp: bf16 or fp16")
      .by_default(
          "fp16 on GPUs, with loss scaling in training; on CPUs bf16, or fp32 where the processor has no bf16 "
          "arithmetic");
}

Option weight_type(Precision& value) {
  return precision_option(
      named(value, {{"fp32", Precision::fp32}, {"fp16", Precision::fp16}, {"bf16", Precision::bf16}}),
      {"fp32", "fp16", "bf16"},
      "fp32, fp16 or bf16: type of the weights, and of the arithmetic too (ONNX in bf16: of the weights only)");
}

Option amp(bool& value) {
  return option("--amp", value, "Mixed precision").from("Micikevicius et al., Mixed Precision Training, ICLR 2018");
}

std::vector<Option> precision_options(ComputeOptions& compute) {
  return {amp(compute.amp), precision(compute.precision)};
}

std::vector<Option> sliding_options(SlidingOptions& windows) {
  return {
      option("--val_batch_size", windows.val_batch_size, "Windows (3D) or slices (2D) a forward pass")
          .positive()
          .by_default("4 in 3D, 64 in 2D; of nnU-Net v2's models up to 4, by their patch"),
      option("--overlap", windows.overlap, "Overlap of the sliding windows").between(0, 0.99),
      option("--blend", windows.blend, {{"gaussian", Blend::gaussian}, {"constant", Blend::constant}},
             "Weights of overlapping windows")
          .from("Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image "
                "segmentation, Nature Methods 18, 2021"),
      option("--tta", windows.tta, "Test-time augmentation: mean over all flips"),
  };
}

Option folds(std::vector<std::string>& value) {
  return option("--folds", value, "Folds: numbers, or all").values("FOLD..", 0, 100);
}

std::vector<Option> fold_options(TrainedModel& model) {
  return {
      folds(model.folds)
          .described("Folds whose networks are averaged: numbers, or all")
          .by_default("those that have the checkpoint"),
      option("--checkpoint", model.checkpoint, "Which of a fold's checkpoints"),
  };
}

std::vector<Option> v2_window_options(SlidingOptions& windows) {
  return {
      option("--disable_tta", windows.disable_tta, "No mean over mirror images, which is these models' default"),
      option("--precise", windows.precise,
             "Add logits up in float32; float16, the default, gives nnU-Net's label maps, ties included"),
      option("--low_memory", windows.low_memory, "Keep sums that wait for further windows in a scratch file"),
  };
}

Option activation_checkpointing(bool& value) {
  return option("--activation_checkpointing", value,
                "Keep only the blocks' inputs and compute each block again in its backward: for patches that do not "
                "fit into memory, at a third more time")
      .from("Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016, arXiv:1604.06174");
}

Option batch_size(std::int64_t& value) {
  return option("--batch_size", value, "Patches (3D) or slices (2D) a batch")
      .positive()
      .by_default("2 in 3D, 64 in 2D");
}

Option nvol(std::int64_t& value) {
  return option("--nvol", value, "2D: volumes that share a batch").positive();
}

Option num_workers(int& value) {
  return option("--num_workers", value, "Threads that prepare batches").not_negative();
}

Option train_batches(std::int64_t& value) {
  return option("--train_batches", value, "Steps an epoch at most; 0: all").not_negative();
}

Option test_batches(std::int64_t& value) {
  return option("--test_batches", value, "Validation volumes at most; 0: all").not_negative();
}

Option max_batch(std::int64_t& value) {
  return option("--max_batch", value, "Patches that the network takes at a time, over requests").positive();
}

Option measure_instead(bool& value) {
  return option("--benchmark", value, "Measure training throughput and latency instead (perf.json)");
}

Option warmup(std::int64_t& value) {
  return option("--warmup", value, "With --benchmark: steps before statistics are collected");
}

Option profile(bool& value) {
  return option("--profile", value,
                "With --benchmark: trace further steps into trace.json, for chrome://tracing or Perfetto");
}

Option url(std::string& value) {
  return option("--url", value, "http or https address of the server");
}

Option api_key_file(path& value) {
  return option("--api_key_file", value, "File whose first line is the key that the server asks for");
}

Option trusted_certificates(path& value) {
  return option("--tls_ca", value, "Certificates (PEM) to trust instead of the system's");
}

Option certificate(path& value) {
  return option("--tls_cert", value, "Certificate chain (PEM): HTTPS instead of HTTP, gRPC over TLS");
}

Option private_key(path& value) {
  return option("--tls_key", value, "Its private key (PEM)");
}

Option listen_host(std::string& value) {
  return option("--host", value, "Address to listen at; 0.0.0.0: all of this machine's");
}

Option listen_port(std::uint16_t& value) {
  return option("--port", value, "0: any that is free").between(0, 65535);
}

Option ae_title(std::string& value) {
  return option("--aet", value, "AE title of this program, for nodes");
}

Option v2_model(path& value) {
  return model(value).described(
      "Instead of --ckpt_path: model folder, exported zip, fold folder or .pth of nnU-Net v2");
}

Option labels(path& value) {
  return option("--lbls", value, "Labels with the same names (case.npy: case.nii.gz); a folder or a file");
}

Option csv_file(path& value) {
  return option("--csv", value, "Write one row per case and class to this CSV file");
}

Option mode(Target target, std::vector<std::string> modes) {
  return Option{"--exec_mode", std::move(target), "Cases to prepare"}.one_of(std::move(modes));
}

Option mode_of_reference(const std::string& command) {
  return mode(Named{[command] { return command; }, [](const std::string&) {}}, {command})
      .described("Kept from the reference's main.py: here each mode is a command of its own");
}

Option save_predictions(bool& value) {
  return option("--save_preds", value,
                "Preprocessed folder: save the softmax as preds_task_.../<case>.npy in --results");
}

std::vector<Option> joined(std::vector<std::vector<Option>> lists) {
  std::vector<Option> all;
  for (auto& list : lists)
    all.insert(all.end(), std::make_move_iterator(list.begin()), std::make_move_iterator(list.end()));
  return all;
}

}  // namespace nnunet::app
