#include "part_options.h"

namespace nnunet::app {

Group part_options(PartOptions& o) {
  return {
      "Shared work",
      {
          option("--num_parts", o.num_parts,
                 "Share the cases among so many processes that know nothing of each other, as a cluster's job "
                 "array; run again, each goes on with what is missing (torchrun, srun and mpirun share them by "
                 "themselves)")
              .positive(),
          option("--part_id", o.part_id, "Which of them this one is, from 0").not_negative().only_with("--num_parts"),
      }};
}

}  // namespace nnunet::app
