#include "nnunet/preprocess/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet {

void check_options(const PreprocessOptions& o) {
  if (o.dim != 2 && o.dim != 3) throw Error("--dim", fmt::format("{} is not a dimension", o.dim), "give 2 or 3");
  if (o.exec_mode != "training" && o.exec_mode != "val" && o.exec_mode != "test")
    throw Error("--exec_mode", "there is no mode " + o.exec_mode, "give training, val or test");
  if (o.task.empty() && o.dataset_dir.empty())
    throw Error("--task", "no task was given", "give --task NN or --dataset_dir DIR");
  if (o.n_jobs < -1)
    throw Error("--n_jobs", fmt::format("{} is not a number of jobs", o.n_jobs), "give a number, or -1 for all cores");
  if (o.overwrite && !o.part.alone())
    throw Error("--overwrite", "parts of a job cannot start anew: they do not know what the others have made by then",
                "remove the folder before the job");
  const auto dim = static_cast<std::size_t>(o.dim);
  constexpr std::int64_t longest = 4096;
  if (!o.patch_size.empty() && (o.patch_size.size() != dim || std::any_of(o.patch_size.begin(), o.patch_size.end(),
                                                                          [](auto n) { return n < 1 || n > longest; })))
    throw Error("--patch_size", fmt::format("it must be {} sizes from 1 to {}", o.dim, longest),
                "give them as D H W, in 2D as H W");
  const auto positive = [](double v) { return std::isfinite(v) && v > 0; };
  if (!o.spacing.empty() && ((o.spacing.size() != dim && o.spacing.size() != 3) ||
                             !std::all_of(o.spacing.begin(), o.spacing.end(), positive)))
    throw Error("--spacing", fmt::format("it must be {} positive numbers (mm)", o.dim),
                "give them as Z Y X, in 2D as Y X");
  if (!o.ct_stats.empty() &&
      (o.ct_stats.size() != 4 ||
       !std::all_of(o.ct_stats.begin(), o.ct_stats.end(), [](double v) { return std::isfinite(v); }) ||
       o.ct_stats[0] >= o.ct_stats[1] || o.ct_stats[3] <= 0))
    throw Error("--ct_stats", "it must be four numbers, min below max and std above 0",
                "give them as MIN MAX MEAN STD");
}

}  // namespace nnunet
