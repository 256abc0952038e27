#include "nnunet/data/split.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/log.h"
#include "nnunet/data/folds.h"

namespace nnunet {

FoldSplit split_fold(const PreprocessedFolder& folder, int n_folds, int fold) {
  const std::vector<std::string> all = folder.fold_cases();
  const Fold indices = make_fold(static_cast<std::int64_t>(all.size()), n_folds, fold);
  const auto& present = folder.cases();
  const auto find = [&](std::int64_t i) {
    const std::string& name = all[static_cast<std::size_t>(i)];
    const auto found = std::find(present.begin(), present.end(), name);
    if (found == present.end())
      log::warn(
          fmt::format("{}: case {} of config.json is not in the folder and is left out", folder.path().string(), name));
    return found;
  };
  FoldSplit split;
  for (const auto i : indices.train)
    if (const auto found = find(i); found != present.end()) split.train.push_back(found - present.begin());
  for (const auto i : indices.val)
    if (const auto found = find(i); found != present.end()) split.val_names.push_back(*found);
  return split;
}

}  // namespace nnunet
