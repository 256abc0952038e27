#include <fmt/format.h>

#include "copy_atomically.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/v2/preprocess.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {

namespace fs = std::filesystem;

namespace {

bool is_newer(const fs::path& file, const fs::path& than) {
  std::error_code failure;
  return !fs::exists(than, failure) || fs::last_write_time(file) > fs::last_write_time(than);
}

}  // namespace

int copy_references(const fs::path& raw, const fs::path& preprocessed) {
  const RawDataset dataset = read_raw_dataset(raw);
  const std::string ending = dataset.description.value("file_ending", std::string(".nii.gz"));
  const fs::path folder = preprocessed / "gt_segmentations";
  require_writable_folder(folder);
  int failed = 0;
  for (const RawCase& c : dataset.cases) {
    try {
      const fs::path copy = folder / (c.name + ending);
      if (is_newer(c.label, copy)) copy_atomically(c.label, copy);
    } catch (const std::exception& e) {
      ++failed;
      log::error(case_failure(c.name, e));
    }
  }
  return failed;
}

}  // namespace nnunet::v2
