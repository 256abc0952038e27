#pragma once
#include <CLI/CLI.hpp>

#include "nnunet/core/part.h"

namespace nnunet::app {

/// --num_parts and --part_id: which of several processes this one is.
struct PartOptions {
  int num_parts = 1, part_id = 0;

  /// The part of this process, which a launcher may have started too.
  Part choose(const JobPlace& place) const { return choose_part(num_parts, part_id, place); }
};
void add_part_options(CLI::App& command, PartOptions& options);

}  // namespace nnunet::app
