#include "nnunet/v2/predict.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/properties.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// The files of one case.
struct Outputs {
  fs::path label, probabilities, properties;
};

class Stages final : public CaseStages {
 public:
  Stages(const Predictor& predictor, const ImageFormat& format, const PredictOptions& options,
         std::vector<ImageCase> cases)
      : predictor_(predictor), format_(format), o_(options), cases_(std::move(cases)), kept_(cases_.size()) {}

  std::size_t cases() const override { return cases_.size(); }
  std::string name(std::size_t i) const override { return cases_[i].name; }

  PreprocessedCase read(std::size_t i, int threads) override {
    CaseImage read = read_case_image(cases_[i], format_);
    std::optional<Array<std::uint16_t>> previous;
    if (!o_.previous_stage.empty()) previous = read_previous(cases_[i], read);
    PreprocessedCase c =
        predictor_.preprocess(cases_[i].name, std::move(read.image), threads, previous ? &*previous : nullptr);
    read.image.voxels = {};
    kept_[i] = {std::move(read), case_properties(c)};
    return c;
  }

 private:
  const Predictor& predictor_;
  const ImageFormat& format_;
  const PredictOptions& o_;
  std::vector<ImageCase> cases_;
};

}  // namespace
}  // namespace nnunet::v2
