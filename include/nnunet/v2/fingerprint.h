#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/plan/intensity.h"
#include "nnunet/v2/python_json.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {

/// What planning needs to know of a dataset's images (contract-v2-plan, section 3): nnU-Net v2's fingerprint.
struct DatasetFingerprint {
  std::vector<Spacing3> spacings;             ///< mm, by case, on the reader's axes
  std::vector<Shape3> shapes_after_crop;      ///< by case
  double median_relative_size = 1;            ///< of the crop, as a share of the image's voxels
  std::vector<IntensitySummary> intensities;  ///< by channel; percentiles 0.5, 50 and 99.5
};

struct FingerprintOptions {
  int threads = 1;              ///< cases at a time, as many as fit into memory
  bool all_foreground = false;  ///< statistics over every foreground voxel, not over nnU-Net's draws
  bool show_progress = true;
  /// Bytes of foreground that are kept for a second look, which percentiles of values that are not whole may need;
  /// cases beyond are read twice.
  std::int64_t kept_foreground = std::int64_t{256} << 20;
};

/// Looks at all training cases: shapes, spacings and boxes, and 10^8 draws a channel of their foreground voxels in all,
/// the same that nnU-Net makes. Exact and the same with any number of threads; memory does not grow with the number of
/// cases. Throws Error where a case cannot be read (after all were tried, each being named on the log) or nothing is
/// foreground.
DatasetFingerprint extract_fingerprint(const RawDataset& dataset, const FingerprintOptions& options);

/// dataset_fingerprint.json. whole_spacing: pictures' spacings are whole numbers there.
Json fingerprint_json(const DatasetFingerprint& fingerprint, bool whole_spacing = false);

/// $nnUNet_preprocessed/DATASET/dataset_fingerprint.json of the dataset that a command's -d means: made and written
/// (atomically, keys sorted) where it is absent or `overwrite` says so. Returns the file. Warns where one that is kept
/// was made of another number of cases. Throws Error.
std::filesystem::path ensure_fingerprint(const std::string& dataset, const FingerprintOptions& options, bool overwrite);

}  // namespace nnunet::v2
