#include "info.h"

#include "shared_options.h"

namespace nnunet::app {

Command info_command(InfoFlags& flags) {
  return {
      .name = "info",
      .summary =
          "Say what a checkpoint, a model of nnU-Net v2 (folder, zip, .pth), a preprocessed folder, a dataset folder, "
          "a NIfTI image or a .npy file holds",
      .groups = {{"",
                  {
                      option("path", flags.paths, "Files or folders"),
                      option("--machine", flags.machine,
                             "Describe this machine: processor, instruction sets and the one chosen (NNUNET_ISA lowers "
                             "it), cores, memory, GPUs, engines, versions"),
                      json(flags.json).described("Print JSON (a list when several paths are given)"),
                      option("--tensors", flags.tensors, "List every tensor of a checkpoint"),
                  }}},
      .notes =
          "Sizes and spacings are in the order (z, y, x), in mm; of nnU-Net v2's models in the order of the network's "
          "axes. "
          "Their memory is that of the weights and of one window's activations in float32.",
      .examples = {{.line = "nnunet info results/checkpoints/best.ckpt data/04_3d"},
                   {.line = "nnunet info --machine --json"}},
  };
}

}  // namespace nnunet::app
