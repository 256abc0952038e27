#pragma once
#include "command.h"
#include "nnunet/core/part.h"

namespace nnunet::app {

/// --num_parts and --part_id: which of several processes this one is.
struct PartOptions {
  int num_parts = 1, part_id = 0;

  /// The part of this process, which a launcher may have started too.
  Part choose(const JobPlace& place) const { return choose_part(num_parts, part_id, place); }
};

Group part_options(PartOptions& options);

}  // namespace nnunet::app
