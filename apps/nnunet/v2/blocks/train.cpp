#include "v2/blocks/train.h"

#include "options/shared_options.h"

namespace nnunet::app {
namespace {

std::vector<Option> model(V2TrainFlags& f) {
  return {option("dataset_name_or_id", f.dataset, "Dataset's name or number").must_be_given(),
          option("configuration", f.configuration, "Configuration: 2d, 3d_fullres, ..").must_be_given(),
          option("fold", f.fold, "Fold that validates: a number from 0 on; all: every case trains and validates")
              .must_be_given(),
          option("-tr", f.trainer, "Name of the trainer, or a file NAME.json with a recipe (docs/trainers.md)"),
          option("-p", f.plans, "Name of the plans")};
}

std::vector<Option> way(V2TrainFlags& f) {
  return {option("-pretrained_weights", f.pretrained_weights,
                 "Checkpoint of nnU-Net whose weights a new training begins with, all but the heads'"),
          option("-num_gpus", f.num_gpus, "GPUs; with -device cpu: processes, which share each batch").positive(),
          option("--npz", f.npz, "The validation also writes probabilities, which ensembles need"),
          option("--c", f.resume, "Go on with the training that the folder holds"),
          option("--val", f.val, "Only the validation, by checkpoint_final.pth"),
          option("--val_best", f.val_best,
                 "Validate by checkpoint_best.pth: after the training, or with --val without one"),
          option("--disable_checkpointing", f.disable_checkpointing, "Write no checkpoints"),
          option("-device", f.device, "Where the network is trained; cuda: a GPU where there is one, else the CPU")
              .one_of({"cuda", "cpu", "mps"})};
}

std::vector<Option> own(V2TrainFlags& f) {
  return {option("--amp", f.amp, "Half precision: bf16 on CPUs, fp16 on GPUs, which have it unless --fp32 is given"),
          option("--fp32", f.fp32, "Single precision on GPUs, too"),
          option("--engine", f.engine, "What computes the network; auto: native where it fits")
              .one_of({"auto", "native", "libtorch"}),
          option("--seed", f.seed, "Of first weights, patches and augmentation"),
          option("--workers", f.workers, "Threads that make batches")
              .not_negative()
              .by_default("nnUNet_n_proc_DA, or 12, at most one a core")};
}

}  // namespace

Command v2_train_command(V2TrainFlags& f) {
  return {.name = "v2 train",
          .summary = "Trains a fold of a preprocessed dataset and validates it",
          .description =
              "Everything is written to $nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION/fold_N. A "
              "training that lies there is moved to earlier-<n> in it, unless --c goes on with it.",
          .groups = {{"", joined({model(f), way(f), own(f)})}}};
}

}  // namespace nnunet::app
