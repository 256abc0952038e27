#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/io/image_case.h"
#include "nnunet/v2/file_stages.h"
#include "nnunet/v2/python_json.h"

/// Prediction with nnU-Net v2's folders, names and outputs (contract-v2-run, section 6).
namespace nnunet::v2 {

struct PredictOptions {
  std::filesystem::path input, output;   ///< folders; images are CASE_0000<ending>, label maps CASE<ending>
  std::filesystem::path previous_stage;  ///< cascades: CASE<ending> of the stage before; empty: none
  bool save_probabilities = false;       ///< also CASE.npz and CASE.pkl
  bool continue_prediction = false;      ///< cases whose outputs are there are left alone
  int num_parts = 1, part_id = 0;        ///< every num_parts-th case, from part_id on
  bool progress = true;
  Json arguments = nullptr;  ///< what predict_from_raw_data_args.json says
  /// With it label maps have records of what they were made with and from (io/output_record.h), and by these those that
  /// are there are kept or made anew, as predict_images does.
  std::optional<nlohmann::json> made_with = {};
  CaseFinished finished = {};  ///< told of each case; may be empty
  /// How windows go, from the cases that will be segmented; may be empty.
  std::function<CasePasses(const CaseStages& cases)> passes = {};
};

struct PredictCounts {
  std::int64_t predicted = 0, kept = 0, failed = 0;
};

/// Segments a folder. Beside the cases' outputs it holds dataset.json, plans.json and predict_from_raw_data_args.json
/// of a model of nnU-Net v2 (null: the networks are others). A case that fails is reported, and the others go on.
/// Throws Error when nothing can be done: no images, no previous stage for a cascade, a part that cannot be, an output
/// folder that cannot be written or holds the images. format: of the images.
PredictCounts predict(Predictor& predictor, const V2Model* model, const ImageFormat& format,
                      const PredictOptions& options);

}  // namespace nnunet::v2
