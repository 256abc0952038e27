#include "nnunet/v2/predict.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// The files made of one case.
struct Outputs {
  fs::path label, probabilities, properties;

  Outputs(const fs::path& folder, const ImageCase& c, const ImageFormat& format)
      : label(label_output(c, folder, format)),
        probabilities(folder / (c.name + ".npz")),
        properties(folder / (c.name + ".pkl")) {}
  /// Where probabilities are gathered before they are packed.
  fs::path unpacked() const {
    return probabilities.parent_path() / fmt::format(".{}.npy", probabilities.stem().string());
  }
};

/// A file that goes with this object.
struct Removed {
  fs::path path;

  explicit Removed(fs::path file) : path(std::move(file)) {}
  Removed(const Removed&) = delete;
  Removed& operator=(const Removed&) = delete;
  ~Removed() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

/// What is kept of a case between reading and writing.
struct Kept {
  CaseImage image;  ///< without voxels
  PythonValue properties;
};

class Stages final : public CaseStages {
 public:
  Stages(const Predictor& predictor, const ImageFormat& format, const PredictOptions& options,
         std::vector<ImageCase> cases)
      : predictor_(predictor), format_(format), o_(options), cases_(std::move(cases)), kept_(cases_.size()) {}

  std::size_t cases() const override { return cases_.size(); }
  std::string name(std::size_t i) const override { return cases_[i].name; }

  PreprocessedCase read(std::size_t i, int threads) override {
    const ImageCase& c = cases_[i];
    CaseImage image = read_case_image(c, format_);
    std::optional<Array<std::uint16_t>> previous;
    if (!c.previous.empty()) previous = read_case_labels(c.previous, image, format_);
    PreprocessedCase preprocessed =
        predictor_.preprocess(c.name, std::move(image.image), threads, previous ? &*previous : nullptr);
    image.image.voxels = {};
    kept_[i].properties = case_properties(preprocessed, image.properties);
    kept_[i].image = std::move(image);
    return preprocessed;
  }

  RestoreSink restore(std::size_t i, const PreprocessedCase& c) override {
    std::optional<fs::path> probabilities;
    if (o_.save_probabilities) probabilities = Outputs(o_.output, cases_[i], format_).unpacked();
    return RestoreSink(cases_[i].name, predictor_.original_grid(c), true, probabilities);
  }

  void write(std::size_t i, RestoreSink& restored, const WindowReport& report) override {
    const Outputs outputs(o_.output, cases_[i], format_);
    const Kept kept = std::move(kept_[i]);
    if (o_.save_probabilities) {
      save_probabilities(restored, outputs);
      write_properties(outputs.properties, kept.properties);
    }
    write_restored_labels(outputs.label, restored, kept.image, format_);  // last: it means that the case is finished
    log_case_time(cases_[i].name, report);
  }

 private:
  /// On the reader's axes, as nnU-Net leaves them.
  static void save_probabilities(RestoreSink& restored, const Outputs& outputs) {
    const Removed unpacked{outputs.unpacked()};
    restored.save_probabilities();
    write_npz(outputs.probabilities, unpacked.path, std::max(1, available_cores() / 2));
  }

  const Predictor& predictor_;
  const ImageFormat& format_;
  const PredictOptions& o_;
  std::vector<ImageCase> cases_;
  std::vector<Kept> kept_;
};

/// Cases that nnU-Net would not even see: images that end otherwise.
std::vector<std::string> of_other_endings(const fs::path& folder, const ImageFormat& format) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_directory() && is_image_name(entry.path()) && !format.accepts(entry.path()))
      names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

void check_folders(const Predictor& predictor, const V2Model& model, const PredictOptions& o) {
  if (!fs::is_directory(o.input)) throw Error(o.input.string(), "is no folder", "give the folder of images to -i");
  if (predictor.model().previous_stage && o.previous_stage.empty())
    throw Error("-prev_stage_predictions",
                fmt::format("is not given, but {} takes label maps of {}", model.description.configuration,
                            model.description.previous_stage.value_or("a previous stage")),
                "predict with that configuration first and give its output folder");
  if (!o.previous_stage.empty() && !fs::is_directory(o.previous_stage))
    throw Error(o.previous_stage.string(), "is no folder", "give the previous stage's output folder");
  if (o.num_parts < 1 || o.part_id < 0 || o.part_id >= o.num_parts)
    throw Error("-part_id", fmt::format("{} of {} parts cannot be", o.part_id, o.num_parts), "parts count from 0");
}

bool is_finished(const Outputs& outputs, bool probabilities) {
  return fs::exists(outputs.label) &&
         (!probabilities || (fs::exists(outputs.probabilities) && fs::exists(outputs.properties)));
}

void write_descriptions(const V2Model& model, const PredictOptions& o) {
  if (!o.arguments.is_null())
    write_python_json(o.output / "predict_from_raw_data_args.json", o.arguments, Keys::sorted);
  write_text(o.output / "dataset.json", model.dataset_text);
  write_text(o.output / "plans.json", model.plans_text);
}

}  // namespace

PredictCounts predict(Predictor& predictor, const V2Model& model, const ImageFormat& format,
                      const PredictOptions& options) {
  check_folders(predictor, model, options);
  std::vector<ImageCase> all = list_image_cases(options.input, predictor.model().channels(), format);
  for (ImageCase& c : all)
    if (!options.previous_stage.empty()) c.previous = label_output(c, options.previous_stage, format);
  protect_inputs(all, options.input, options.output, format);
  require_writable_folder(options.output);
  write_descriptions(model, options);

  PredictCounts counts;
  for (const std::string& name : of_other_endings(options.input, format)) {
    log::error(fmt::format("{}: does not end in {}, as the model's images do", (options.input / name).string(),
                           format.ending));
    ++counts.failed;
  }
  std::vector<ImageCase> open;
  for (std::size_t i = static_cast<std::size_t>(options.part_id); i < all.size();
       i += static_cast<std::size_t>(options.num_parts)) {
    if (options.continue_prediction && is_finished(Outputs(options.output, all[i], format), options.save_probabilities))
      ++counts.kept;
    else
      open.push_back(all[i]);
  }
  Stages stages(predictor, format, options, std::move(open));
  const CaseCounts done = predict_cases(predictor, stages, options.progress);
  counts.predicted = done.predicted;
  counts.failed += done.failed;
  return counts;
}

}  // namespace nnunet::v2
