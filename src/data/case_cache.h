#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "nnunet/data/augment.h"
#include "nnunet/data/folder.h"
#include "nnunet/data/sampler.h"

namespace nnunet {

/// A training case's files, mapped once and kept. Cheap: the pages belong to the system's cache.
struct OpenCase {
  NpyFile x, y;
  CaseView view;
  ForegroundIndex foreground;
};

/// Opens and checks cases when they are first asked for, from any thread. The folder must outlive it.
class CaseCache {
 public:
  explicit CaseCache(const PreprocessedFolder& folder) : folder_(folder), entries_(folder.cases().size()) {}

  /// index: into folder.cases(). Throws Error naming the case when its files are missing, broken, of different sizes
  /// or hold labels that are no class.
  const OpenCase& get(std::int64_t index);

 private:
  struct Entry {
    std::mutex mutex;
    std::unique_ptr<OpenCase> open;
  };
  const PreprocessedFolder& folder_;
  std::vector<Entry> entries_;
};

}  // namespace nnunet
