#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"

namespace nnunet {

/// The cases of one fold that are in a preprocessed folder.
struct FoldSplit {
  std::vector<std::int64_t> train;     ///< indices into folder.cases()
  std::vector<std::string> val_names;  ///< case names, bytewise order
};

/// Splits folder.fold_cases() with make_fold; cases that the folder lacks are left out with a warning. Throws Error
/// when fold or n_folds do not fit the number of cases.
FoldSplit split_fold(const PreprocessedFolder& folder, int n_folds, int fold);

}  // namespace nnunet
