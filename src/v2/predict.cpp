#include "nnunet/v2/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

CaseOutputs outputs_of(const ImageCase& c, const PredictOptions& o, const ImageFormat& format) {
  CaseOutputs outputs{label_output(c, o.output, format)};
  if (o.save_probabilities) outputs.probabilities = o.output / fmt::format("{}.npz", c.name);
  return outputs;
}

/// Cases that nnU-Net would not even see: images that end otherwise.
std::vector<std::string> of_other_endings(const fs::path& folder, const ImageFormat& format) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.is_directory() && is_image_name(entry.path()) && !format.accepts(entry.path()))
      names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

void check_folders(const Predictor& predictor, const V2Model* model, const PredictOptions& o) {
  if (!fs::is_directory(o.input)) throw Error(o.input.string(), "is no folder", "give the folder of images");
  if (predictor.model().previous_stage && o.previous_stage.empty())
    throw Error("prev_stage_predictions",
                model == nullptr
                    ? std::string("is not given, but the network takes label maps of a previous stage")
                    : fmt::format("is not given, but {} takes label maps of {}", model->description.configuration,
                                  model->description.previous_stage.value_or("a previous stage")),
                "predict with that configuration first and give its output folder");
  if (!o.previous_stage.empty() && !fs::is_directory(o.previous_stage))
    throw Error(o.previous_stage.string(), "is no folder", "give the previous stage's output folder");
  if (o.num_parts < 1 || o.part_id < 0 || o.part_id >= o.num_parts)
    throw Error("part_id", fmt::format("{} of {} parts cannot be", o.part_id, o.num_parts), "parts count from 0");
}

bool is_finished(const CaseOutputs& outputs) {
  return fs::exists(outputs.label) &&
         (outputs.probabilities.empty() || (fs::exists(outputs.probabilities) && fs::exists(outputs.properties())));
}

/// The folder of a dataset, or of another model, keeps its own files.
void refuse_foreign(const fs::path& file, const std::string& ours) {
  if (!fs::exists(file) || read_text(file) == ours) return;
  throw Error(file.string(), "is there already, and not of an earlier prediction with this model",
              "give another output folder");
}

void write_descriptions(const V2Model& model, const PredictOptions& o) {
  if (!fs::exists(o.output / "predict_from_raw_data_args.json")) {
    refuse_foreign(o.output / "dataset.json", model.dataset_text);
    refuse_foreign(o.output / "plans.json", model.plans_text);
  }
  if (!o.arguments.is_null())
    write_python_json(o.output / "predict_from_raw_data_args.json", o.arguments, Keys::sorted);
  write_text(o.output / "dataset.json", model.dataset_text);
  write_text(o.output / "plans.json", model.plans_text);
}

/// What killed runs left of these cases.
void remove_unfinished(const std::vector<FileCase>& cases, const fs::path& folder) {
  std::set<std::string> names;
  std::vector<fs::path> labels;
  std::error_code ignored;
  for (const FileCase& c : cases) {
    labels.push_back(c.outputs.label);
    CaseOutputs all = c.outputs;
    all.probabilities = folder / fmt::format("{}.npz", c.image.name);
    for (const fs::path& file : all.files()) names.insert(file.filename().string());
    fs::remove(all.gathered(), ignored);
  }
  remove_leftovers(folder, names);
  remove_record_leftovers(labels);
}

std::vector<ImageCase> cases_of_part(const std::vector<ImageCase>& all, const PredictOptions& o) {
  std::vector<ImageCase> part;
  const auto step = static_cast<std::size_t>(o.num_parts);
  for (std::size_t i = static_cast<std::size_t>(o.part_id); i < all.size(); i += step) part.push_back(all[i]);
  return part;
}

/// Those whose outputs have to be made.
std::vector<ImageCase> without_kept(std::vector<ImageCase> cases, const PredictOptions& o, const ImageFormat& format) {
  if (!o.made_with) {
    std::erase_if(cases,
                  [&](const ImageCase& c) { return o.continue_prediction && is_finished(outputs_of(c, o, format)); });
    return cases;
  }
  const auto extras = [&](const ImageCase& c) { return outputs_of(c, o, format).extras(); };
  return choose_open_cases(cases, o.output, *o.made_with, !o.continue_prediction, extras, format);
}

std::vector<FileCase> with_outputs(std::vector<ImageCase> cases, const PredictOptions& o, const ImageFormat& format) {
  std::vector<FileCase> all;
  for (ImageCase& c : cases) {
    CaseOutputs outputs = outputs_of(c, o, format);
    all.push_back({std::move(c), std::move(outputs)});
  }
  return all;
}

}  // namespace

PredictCounts predict(Predictor& predictor, const V2Model* model, const ImageFormat& format,
                      const PredictOptions& options) {
  check_folders(predictor, model, options);
  std::vector<ImageCase> all = list_image_cases(options.input, predictor.model().channels(), format);
  for (ImageCase& c : all)
    if (!options.previous_stage.empty()) c.previous = label_output(c, options.previous_stage, format);
  protect_inputs(all, options.input, options.output, format);
  require_writable_folder(options.output);
  if (model != nullptr) write_descriptions(*model, options);

  PredictCounts counts;
  for (const std::string& name : of_other_endings(options.input, format)) {
    log::error(fmt::format("{}: does not end in {}, as the model's images do", (options.input / name).string(),
                           format.output_ending()));
    ++counts.failed;
  }
  all = cases_of_part(all, options);
  counts.kept = static_cast<std::int64_t>(all.size());
  std::vector<FileCase> open = with_outputs(without_kept(std::move(all), options, format), options, format);
  counts.kept -= static_cast<std::int64_t>(open.size());
  remove_unfinished(open, options.output);
  FileStages stages(predictor, format, std::move(open), options.finished, options.made_with);
  const CaseCounts done =
      predict_cases(predictor, stages, options.progress, options.passes ? options.passes(stages) : CasePasses{});
  counts.predicted = done.predicted;
  counts.failed += done.failed;
  return counts;
}

}  // namespace nnunet::v2
