#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/python_json.h"

/// Keeping the largest components of label maps (contract-v2-run, section 7).
namespace nnunet::v2 {

/// One step: of all voxels that have one of these labels, the largest component stays, the others become background.
struct KeepLargest {
  std::vector<LabelOrRegion> of;
  bool list = false;  ///< a list of labels and regions in the file, not a single one
  int background = 0;

  std::vector<int> labels() const;
  bool operator==(const KeepLargest&) const = default;
};

/// Components are connected by faces, edges and corners; equally large ones all stay. map: (D,H,W).
void keep_largest(Array<std::uint16_t>& map, const KeepLargest& step);
void postprocess(Array<std::uint16_t>& map, const std::vector<KeepLargest>& steps);

/// postprocessing.pkl: a pair of lists, functions and their arguments. The one function that nnU-Net v2 puts there is
/// known by its name; nothing is executed. Throws Error for anything else.
std::vector<KeepLargest> read_postprocessing(const std::filesystem::path& pickle);
void write_postprocessing(const std::filesystem::path& pickle, const std::vector<KeepLargest>& steps);
/// postprocessing_fns and postprocessing_kwargs of postprocessing.json.
Json postprocessing_json(const std::vector<KeepLargest>& steps);

struct DeterminePostprocessingOptions {
  std::string predictions, references;  ///< folders, as summary.json shall show them
  DatasetLabels labels;
  int threads = 1;
  bool keep_postprocessed = true;  ///< the folder PREDICTIONS/postprocessed
};

struct PostprocessingChoice {
  std::vector<KeepLargest> steps;
  double dice = 0;  ///< mean of the foreground after them
};

/// Which steps raise the Dice, tried on all predictions: first all foreground labels together, then each label or
/// region on the best so far. Writes summary.json where it is missing, postprocessing.pkl, postprocessing.json and the
/// folder postprocessed with its own summary.json. Throws Error when any case cannot be used: a choice from some of
/// them would be another one.
PostprocessingChoice determine_postprocessing(const DeterminePostprocessingOptions& options);

struct ApplyPostprocessingOptions {
  std::filesystem::path input, output;
  std::string file_ending;
  std::vector<KeepLargest> steps;
  int threads = 1;
};
/// Returns how many cases failed; they are named on the log.
int apply_postprocessing(const ApplyPostprocessingOptions& options);

}  // namespace nnunet::v2
