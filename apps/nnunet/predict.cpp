#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "inference_options.h"
#include "nnunet/core/error.h"
#include "nnunet/infer/predict_folder.h"
#include "nnunet/infer/predict_images.h"
#include "nnunet/io/config.h"
#include "nnunet/io/image_case.h"
#include "part_options.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

struct PredictOptions : InferenceOptions {
  ImagePredictionOptions images;
  PartOptions parts;
  Part part;
  bool overwrite = false;
  bool data_given = false;
  bool benchmark = false;
  std::int64_t warmup = 5;
};

/// A command that met bad cases but did the rest ends with a failure all the same.
void fail_if_any(std::int64_t failed, std::int64_t total) {
  if (failed > 0) throw Error("predict", fmt::format("{} of {} cases failed", failed, total), "see the messages above");
}

void predict_preprocessed(const PredictOptions& o) {
  const PreprocessedFolder folder(o.data, o.task, o.dim);
  Predictor predictor = make_predictor(o, &folder.config());
  FolderPredictionOptions options;
  options.results = o.results;
  options.task = o.task;
  options.fold = o.fold;
  options.nfolds = o.nfolds;
  options.save_preds = o.save_preds;
  options.overwrite = o.overwrite;
  options.limit = o.test_batches;
  options.part = o.part;
  const auto result = predict_folder(folder, predictor, options);
  if (result.score)
    fmt::print("{}\n{} labelled cases, percent, on the preprocessed grid\n", dice_text(result.score->dice, 2),
               result.score->volumes);
  if (o.save_preds)
    fmt::print("{} cases predicted, {} kept: {}\n", result.predicted, result.kept, result.folder.string());
  fail_if_any(result.failed, result.predicted + result.kept + result.failed);
}

void predict_image_files(const PredictOptions& o) {
  if (o.images.output.empty()) throw Error("--output", "is not given", "name the file or folder for the label maps");
  require_label_output(o.images.output);
  std::optional<DataConfig> config;
  if (o.data_given) config = PreprocessedFolder(o.data, o.task, o.dim).config();
  Predictor predictor = make_predictor(o, config ? &*config : nullptr);
  ImagePredictionOptions options = o.images;
  options.overwrite = o.overwrite;
  options.limit = o.test_batches;
  options.part = o.part;
  const auto result = predict_images(predictor, options);
  fmt::print("{} images segmented, {} kept: {}\n", result.predicted, result.kept, options.output.string());
  fail_if_any(result.failed, result.predicted + result.kept + result.failed);
}

// The bare forward on patches needs no trained weights, so no checkpoint either.
void benchmark(const PredictOptions& o) {
  go_where_torch_is("--benchmark");
  benchmark_forward(o, o.engine, o.warmup);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto* c = program.add_subcommand("predict",
                                   "Segment NIfTI images (--input), or the cases of a preprocessed folder (--data)");
  const auto o = std::make_shared<PredictOptions>();
  const std::string images = "Images";
  c->add_option("--input", o->images.input,
                "NIfTI image, or folder of images; channels as 4D images or as NAME_0000.nii.gz, NAME_0001.nii.gz")
      ->group(images);
  c->add_option("--output", o->images.output, "Label map, or folder for <name>.nii.gz")->group(images);
  c->add_flag("--save_probabilities", o->images.save_probabilities,
              "Also probabilities/<name>.npy, float32 (classes,D,H,W)")
      ->group(images);
  c->add_flag("--overlays", o->images.overlays, "Also <name>.png: three slices with the label's contours")
      ->group(images);
  add_inference_options(*c, *o);
  c->add_flag("--save_preds", o->save_preds,
              "Preprocessed folder: save the softmax as preds_task_.../<case>.npy in --results")
      ->group("Data and results");
  c->add_flag("--overwrite", o->overwrite, "Replace outputs that are there, whoever made them")
      ->group("Data and results");
  add_part_options(*c, o->parts);
  const std::string timing = "Benchmark";
  c->add_flag("--benchmark", o->benchmark,
              "Measure the bare forward on patches of the preprocessed folder instead (perf.json)")
      ->group(timing);
  c->add_option("--warmup", o->warmup, "With --benchmark: passes before statistics are collected")
      ->capture_default_str()
      ->group(timing);
  c->add_option("--logname", o->logname, "With --benchmark: name of the log (default: perf.json)")->group(timing);
  accept_training_options(*c);
  c->callback([o, c] {
    if (o->benchmark) return benchmark(*o);
    check_inference_options(*o);
    o->place = job_place();
    o->part = o->parts.choose(o->place);
    o->data_given = c->count("--data") > 0;
    if (o->images.input.empty() && !o->images.output.empty())
      throw Error("--output", "is given without --input",
                  "name the images with --input, or use --data and --save_preds");
    if (o->images.input.empty())
      predict_preprocessed(*o);
    else
      predict_image_files(*o);
  });
}

}  // namespace nnunet::app
