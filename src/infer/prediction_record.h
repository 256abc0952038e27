#pragma once
#include <filesystem>

#include "nnunet/data/folder.h"
#include "nnunet/infer/predict_folder.h"

namespace nnunet {

/// Makes the output folder ready and records in its predictions.json what it is made with. A folder with the same
/// record is gone on with; one with another record, or with predictions and none, is refused unless options.overwrite,
/// which removes its predictions. Throws Error.
void open_prediction_folder(const std::filesystem::path& output, const PreprocessedFolder& folder,
                            const Predictor& predictor, const FolderPredictionOptions& options);

}  // namespace nnunet
