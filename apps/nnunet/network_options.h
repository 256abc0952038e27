#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "nnunet/plan/plan.h"

namespace nnunet::app {

/// Flags that describe a network: for `train`, and for commands that load a foreign checkpoint.
inline void add_network_options(CLI::App& command, NetworkOptions& network, const std::string& group) {
  command
      .add_option_function<std::string>(
          "--norm", [&network](const std::string& name) { network.norm = norm_from_name(name); },
          "Normalisation layer: instance, batch or group (32 groups)")
      ->check(CLI::IsMember({"instance", "batch", "group"}))
      ->default_str("instance")
      ->group(group);
  command.add_flag("--residual", network.residual, "Residual blocks in the encoder")->group(group);
  command.add_option("--negative_slope", network.negative_slope, "Negative slope of LeakyReLU")->capture_default_str()->group(group);
  command.add_option("--filters", network.filters, "Filters of each level (default: 32 doubled each level, at most 320 in 3D, 512 in 2D)")
      ->group(group);
  command.add_option("--min_fmap", network.min_fmap, "An axis is halved while its size is at least this many voxels")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 20))
      ->group(group);
  command.add_option("--depth", network.depth, "Number of downsampling levels at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 10))
      ->group(group);
}

}  // namespace nnunet::app
