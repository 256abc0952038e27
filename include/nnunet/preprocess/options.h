#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/part.h"

namespace nnunet {

/// What `nnunet preprocess` is asked for: one field a flag.
struct PreprocessOptions {
  std::filesystem::path data = "/data";  ///< folder that holds TaskNN_Name
  std::filesystem::path results;         ///< empty: data
  std::string task;                      ///< "04"; may be empty with dataset_dir
  std::filesystem::path dataset_dir;     ///< the dataset itself, instead of data/TaskNN_Name
  int dim = 3;                           ///< 2 or 3
  std::string exec_mode = "training";    ///< training, val or test
  bool dilation = false;                 ///< close the labels (training)
  int n_jobs = -1;                       ///< cases at a time, as far as memory allows; -1: one a core
  std::vector<std::int64_t> patch_size;  ///< (d,h,w) or (h,w); empty: the task's
  std::vector<double> spacing;           ///< target, mm, (z,y,x) or, in 2D, (y,x); empty: the task's, or collected
  std::vector<double> ct_stats;          ///< min, max, mean, std; empty: the task's, or collected
  bool overwrite = false;                ///< start anew where the folder holds other outputs
  bool quiet = false;                    ///< no progress
  std::int64_t memory = 0;               ///< bytes for all cases that are worked on; 0: most of what is available
  Part part;                             ///< of the cases, where several processes share the work
  JobPlace place;                        ///< shares the machine's cores and memory

  bool training() const { return exec_mode == "training"; }
};

/// Throws Error naming the first flag whose value makes no sense.
void check_options(const PreprocessOptions& options);

}  // namespace nnunet
