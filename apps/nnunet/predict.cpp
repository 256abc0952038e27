#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "dicom_objects.h"
#include "filter_progress.h"
#include "hold_signals.h"
#include "make_predictor.h"
#include "nnunet/core/cancelled.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/infer/opened_model.h"
#include "nnunet/infer/predict_bids.h"
#include "nnunet/infer/predict_folder.h"
#include "nnunet/infer/predict_images.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/config.h"
#include "nnunet/io/image_case.h"
#include "options/module_description.h"
#include "options/parser.h"
#include "options/predict.h"
#include "run_program.h"
#include "torch_door.h"

namespace nnunet::app {
namespace {

/// A command that met bad cases but did the rest ends with a failure all the same.
void fail_if_any(std::int64_t failed, std::int64_t total) {
  if (failed > 0) throw Error("predict", fmt::format("{} of {} cases failed", failed, total), "see the messages above");
}

void predict_preprocessed(const PredictFlags& flags, const JobPlace& place) {
  const InferenceFlags& o = flags.inference;
  if (!o.model.trained.path.empty())
    throw Error("--model", "is given without --input", "models of nnU-Net v2 segment images: name them with --input");
  refuse_v2_models(o.model);
  FolderPredictionOptions options;
  options.part = flags.parts.choose(place);
  const PreprocessedFolder folder(o.cases.data, o.cases.task, o.cases.dim);
  Predictor predictor = make_predictor(o.model, &folder.config(), place);
  options.results = o.results;
  options.task = o.cases.task;
  options.fold = o.cases.fold;
  options.nfolds = o.cases.nfolds;
  options.save_preds = o.save_preds;
  options.overwrite = flags.images.overwrite;
  options.limit = o.test_batches;
  const auto result = predict_folder(folder, predictor, options);
  if (result.score)
    fmt::print("{}\n{} labelled cases, percent, on the preprocessed grid\n", dice_text(result.score->dice, 2),
               result.score->volumes);
  if (o.save_preds)
    fmt::print("{} cases predicted, {} kept: {}\n", result.predicted, result.kept, result.folder.string());
  fail_if_any(result.failed, result.predicted + result.kept + result.failed);
}

/// None: the images are no DICOM. Of a zip's series signals wait in `interrupt` from then on.
std::vector<dicom::FoundSeries> series_to_segment(const PredictFlags& flags, const ImageFormat& format,
                                                  std::unique_ptr<Interrupt>& interrupt) {
  const auto& input = flags.images.input;
  if (!flags.bids.channels.empty()) {  // which may have DICOM among its sources
    if (!flags.dicom_series.empty())
      throw Error("--dicom_series", "and --bids exclude each other", "give the one that --input is");
    return {};
  }
  if (flags.dicom_series.empty() && !dicom::is_dicom_input(input, format)) {
    dicom::warn_of_dicom_beside_images(input, format);
    return {};
  }
  if (!flags.images.more_channels.empty())
    throw Error("--more_channels", "is for image files", "name the channels' DICOM series with --dicom_series");
  interrupt = hold_signals(input);
  return dicom::choose_series(dicom::find_series(input), input, flags.dicom_series);
}

/// Label maps as DICOM objects, which are sent at the end.
class ObjectOutput {
 public:
  ObjectOutput(const PredictFlags& flags, const std::vector<dicom::FoundSeries>& series)
      : flags_(flags), series_(series), sender_(flags.send) {
    if (series.empty())
      throw Error("--dicom_seg", fmt::format("{} is no DICOM series", flags.images.input.string()),
                  "leave it out: label maps of other images are NIfTI or of the images' format");
  }

  void set_up(ImagePredictionOptions& options, const ModelPlan& model) {
    options.write_labels =
        [this, write = object_writer(series_, object_options(flags_.object, named_values(model.labels)),
                                     *flags_.object.type)](const ImageCase& c, const Array<std::uint16_t>& labels,
                                                           const Geometry& geometry,
                                                           const std::filesystem::path& path) {
          write(c, labels, geometry, path);
          written_.push_back(path);  // one case at a time is written
        };
  }

  /// What was written now, and what an earlier run left: it may be there because the archive was not. One that cannot
  /// be sent does not stop the others. Throws Error at the end.
  void send(std::vector<std::filesystem::path> kept) const {
    kept.insert(kept.end(), written_.begin(), written_.end());
    std::size_t failed = 0;
    for (const auto& file : kept) {
      try {
        sender_.send(file);
      } catch (const Error& e) {
        log::error(e.what());
        ++failed;
      }
    }
    if (failed > 0)
      throw Error("--send_to", fmt::format("{} of {} objects were not sent", failed, kept.size()),
                  "see the messages above; the files are there");
  }

 private:
  const PredictFlags& flags_;
  const std::vector<dicom::FoundSeries>& series_;
  ObjectSender sender_;
  std::vector<std::filesystem::path> written_;
};

void predict_image_files(const PredictFlags& flags, const JobPlace& place) {
  const InferenceFlags& o = flags.inference;
  ImagePredictionOptions options = flags.images;
  if (options.output.empty()) throw Error("--output", "is not given", "name the file or folder for the label maps");
  ModelFlags networks = with_v2_model(o.model);
  std::optional<V2Model> model = read_trained_model(networks.trained);
  if (model) options.format = image_format(*model);
  std::unique_ptr<Interrupt> interrupt;
  const std::vector<dicom::FoundSeries> series = series_to_segment(flags, options.format, interrupt);
  if (!series.empty()) options.format = dicom::series_format(options.format);
  std::optional<ObjectOutput> objects;
  if (flags.object.type) {
    objects.emplace(flags, series);
    options.format.ending = ".dcm";
  }
  require_label_output(options.output, options.format);
  options.part = flags.parts.choose(place);
  options.limit = o.test_batches;
  std::optional<DataConfig> config;
  if (flags.data_given) config = PreprocessedFolder(o.cases.data, o.cases.task, o.cases.dim).config();
  networks.scratch = is_file_output(options.output, options.format) ? options.output.parent_path() : options.output;
  if (networks.scratch.empty()) networks.scratch = ".";
  if (networks.windows.low_memory) require_writable_folder(networks.scratch);
  Predictor predictor = make_predictor(networks, model ? &*model : nullptr, config ? &*config : nullptr, place);
  if (!series.empty()) options.cases = dicom::series_cases(series, predictor.model().channels());
  if (objects) objects->set_up(options, predictor.model());
  std::optional<FilterProgress> progress;
  if (flags.filter_progress) progress.emplace("nnU-Net", "Segmentation");
  if (progress || interrupt)
    options.progress = [&](double share) {
      if (progress) progress->show(share);
      if (interrupt && interrupt->requested()) throw Cancelled();
    };
  const auto result = [&] {
    try {
      return flags.bids.channels.empty() ? predict_images(predictor, options)
                                         : predict_bids(predictor, flags.bids, options);
    } catch (const Cancelled&) {
      end_interrupted(interrupt->signal_name());
    }
  }();
  if (progress) progress->finish();
  fmt::print("{} images segmented, {} kept: {}\n", result.predicted, result.kept, options.output.string());
  if (objects) objects->send(result.kept_outputs);
  fail_if_any(result.failed, result.predicted + result.kept + result.failed);
}

// The bare forward on patches needs no trained weights, so no checkpoint either.
void benchmark(const PredictFlags& flags) {
  go_where_torch_is("--benchmark");
  benchmark_forward(flags);
}

void run(const PredictFlags& flags) {
  if (flags.xml) {
    fmt::print("{}", module_description(declare(predict_command)));
    return;
  }
  if (flags.benchmark) return benchmark(flags);
  check_model_flags(flags.inference.model);
  const JobPlace place = job_place();
  if (!flags.images.more_channels.empty() && (flags.images.input.empty() || !flags.bids.channels.empty()))
    throw Error("--more_channels", "belongs to one image, which --input names",
                "give --input FILE, or for BIDS datasets --bids with a suffix for each channel");
  if (flags.images.input.empty() && !flags.bids.channels.empty())
    throw Error("--bids", "is given without --input", "name the dataset's folder with --input");
  if (flags.images.input.empty() && !flags.images.output.empty())
    throw Error("--output", "is given without --input", "name the images with --input, or use --data and --save_preds");
  if (flags.images.input.empty() && flags.object.type)
    throw Error("--dicom_seg", "is given without --input", "name the DICOM series with --input");
  if (flags.images.input.empty())
    predict_preprocessed(flags, place);
  else
    predict_image_files(flags, place);
}

}  // namespace

void add_predict(CLI::App& program) {
  add_command<PredictFlags>(program, predict_command, run);
}

}  // namespace nnunet::app
