#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/config.h"
#include "nnunet/preprocess/options.h"

namespace nnunet {

/// What became of one case.
struct CaseReport {
  std::string name;
  Shape3 original{};                ///< (D,H,W) of the image
  Spacing3 spacing{};               ///< mm (z,y,x)
  std::vector<std::int64_t> shape;  ///< of x (C,D,H,W)
  double seconds = 0;
  bool kept = false;  ///< finished by a former run
  std::string error;  ///< why there is no output; empty: there is
};

struct PreprocessReport {
  std::filesystem::path folder;
  DataConfig config;              ///< as written, with the cases that other parts have finished
  std::vector<CaseReport> cases;  ///< of this part, in the order of dataset.json
  double seconds = 0;
  std::int64_t memory_limit = 0;  ///< bytes for all cases that are worked on at a time; 0: unknown, no limit
  std::int64_t case_memory = 0;   ///< bytes that the largest case made needs at most

  std::int64_t failed() const;
  /// Case, shape before and after, spacing and seconds of the cases that have an output.
  std::string table() const;
};

/// Preprocesses a dataset (contract, sections 1 and 2): finds it, chooses or collects parameters, makes the cases that
/// are missing, as many at a time as cores and memory allow, and writes config.json. A case that cannot be made is
/// logged and reported, and the others go on. Of several processes (options.part) each makes its own cases; when the
/// last one is done, the folder is as if one had made them all. Throws Error when nothing can be started: bad options,
/// unknown task, broken dataset.json, folder made with other options, folder that cannot be written.
PreprocessReport preprocess_dataset(const PreprocessOptions& options);

}  // namespace nnunet
