#include "part_options.h"

#include "number_checks.h"

namespace nnunet::app {

void add_part_options(CLI::App& c, PartOptions& o) {
  const std::string group = "Shared work";
  auto* const parts =
      c.add_option("--num_parts", o.num_parts,
                   "Share the cases among so many processes that know nothing of each other, as a cluster's job array; "
                   "run again, each goes on with what is missing (torchrun, srun and mpirun share them by themselves)")
          ->check(positive())
          ->capture_default_str()
          ->group(group);
  c.add_option("--part_id", o.part_id, "Which of them this one is, from 0")
      ->check(not_negative())
      ->capture_default_str()
      ->needs(parts)
      ->group(group);
}

}  // namespace nnunet::app
