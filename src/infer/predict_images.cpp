#include "nnunet/infer/predict_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/case_pipeline.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/names.h"
#include "nnunet/io/output_record.h"
#include "nnunet/plan/label_names.h"
#include "nnunet/report/overlay.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// The files made of one case.
struct Outputs {
  fs::path label, probabilities, overlay;
};

/// Names relative to the label map's folder, as they stand in its record.
std::string probabilities_name(const std::string& stem) {
  return "probabilities/" + stem + ".npy";
}
std::string overlay_name(const std::string& stem) {
  return stem + ".png";
}

std::string output_stem(const ImageCase& c, const ImagePredictionOptions& o) {
  return is_file_output(o.output, o.format) ? o.format.stem(o.output) : c.name;
}

fs::path output_folder(const ImagePredictionOptions& o) {
  return is_file_output(o.output, o.format) ? o.output.parent_path() : o.output;
}

Outputs outputs_of(const ImageCase& c, const ImagePredictionOptions& o) {
  const fs::path folder = output_folder(o);
  const std::string stem = output_stem(c, o);
  return {label_output(c, o.output, o.format), folder / probabilities_name(stem), folder / overlay_name(stem)};
}

/// What is wanted beside a case's label map.
std::vector<std::string> extras_of(const ImageCase& c, const ImagePredictionOptions& o) {
  const std::string stem = output_stem(c, o);
  std::vector<std::string> names;
  if (o.save_probabilities) names.push_back(probabilities_name(stem));
  if (o.overlays) names.push_back(overlay_name(stem));
  return names;
}

/// What killed runs left of these cases under temporary names.
void remove_unfinished(const std::vector<ImageCase>& cases, const ImagePredictionOptions& o) {
  std::map<fs::path, std::set<std::string>> names;  // by folder
  std::vector<fs::path> labels;
  for (const ImageCase& c : cases) {
    const Outputs outputs = outputs_of(c, o);
    labels.push_back(outputs.label);
    for (const fs::path& file : {outputs.label, outputs.probabilities, outputs.overlay})
      names[file.has_parent_path() ? file.parent_path() : "."].insert(file.filename().string());
  }
  for (const auto& [folder, own] : names) remove_leftovers(folder, own);
  remove_record_leftovers(labels);
}

Array<std::uint16_t> wide_labels(RestoreSink& restored) {
  if (restored.has_wide_labels()) return std::move(restored.wide_labels());
  const Array<std::uint8_t>& narrow = restored.labels();
  Array<std::uint16_t> wide;
  wide.shape = narrow.shape;
  wide.values.assign(narrow.values.begin(), narrow.values.end());
  return wide;
}

/// What is kept of a case between reading and writing.
struct Kept {
  CaseImage image;  ///< voxels only when an overlay needs them
  std::vector<FileRecord> sources;
};

class ImageStages final : public CaseStages {
 public:
  ImageStages(const Predictor& predictor, const ImagePredictionOptions& options, std::vector<ImageCase> open)
      : predictor_(predictor), o_(options), cases_(std::move(open)), kept_(cases_.size()) {}

  std::size_t cases() const override { return cases_.size(); }
  std::string name(std::size_t i) const override { return cases_[i].name; }

  PreprocessedCase read(std::size_t i, int threads) override {
    const ImageCase& c = cases_[i];
    Kept& kept = kept_[i];
    if (c.problem.empty())
      for (const fs::path& file : c.sources()) kept.sources.push_back(record_file(file));
    kept.image = read_case_image(c, o_.format);
    std::optional<Array<std::uint16_t>> previous;
    if (!c.previous.empty()) previous = read_case_labels(c.previous, kept.image, o_.format);
    Image image = o_.overlays ? kept.image.image : std::move(kept.image.image);
    PreprocessedCase preprocessed =
        predictor_.preprocess(c.name, std::move(image), threads, previous ? &*previous : nullptr);
    if (!o_.overlays) kept.image.image.voxels = {};
    return preprocessed;
  }

  RestoreSink restore(std::size_t i, const PreprocessedCase& c) override {
    ProbabilityPlace probabilities;
    if (o_.save_probabilities) probabilities = outputs_of(cases_[i], o_).probabilities;
    return RestoreSink(cases_[i].name, predictor_.original_grid(c), true, probabilities);
  }

  void write(std::size_t i, RestoreSink& restored, const WindowReport& report) override {
    const ImageCase& c = cases_[i];
    const Outputs outputs = outputs_of(c, o_);
    Kept kept = std::move(kept_[i]);
    forget_output(outputs.label);
    if (o_.save_probabilities) restored.save_probabilities();
    OutputRecord record{nlohmann::json::parse(predictor_.made_with()), std::move(kept.sources), {}, extras_of(c, o_)};
    if (o_.overlays) overlay(c, outputs, restored, kept.image);
    // Last: its presence means that the case is finished.
    if (o_.write_labels)
      write_other(c, outputs.label, restored, kept.image, std::move(record));
    else
      write_recorded_labels(outputs.label, restored, kept.image, o_.format, std::move(record));
    log_case_time(c.name, report);
  }

  void failed(std::size_t i, const std::exception& e) override {
    if (o_.failed)
      o_.failed(cases_[i], e);
    else
      CaseStages::failed(i, e);
  }

 private:
  /// By value of the label maps, where that is not the number of the output.
  std::vector<std::string> value_names() const {
    const LabelSpec& labels = predictor_.model().labels;
    if (labels.decision == LabelDecision::argmax) return predictor_.data().labels;
    std::vector<std::string> names{"background"};
    for (const auto& [value, name] : named_values(labels)) {
      names.resize(std::max(names.size(), static_cast<std::size_t>(value) + 1));
      names[static_cast<std::size_t>(value)] = name;
    }
    return names;
  }

  void overlay(const ImageCase& c, const Outputs& outputs, RestoreSink& restored, const CaseImage& image) const {
    if (o_.write_labels || restored.has_wide_labels() || !is_nifti_name(outputs.label))
      return log::warn(
          fmt::format("{}: overlays are drawn for NIfTI label maps of 256 labels", outputs.label.string()));
    LabelMap label{std::move(restored.labels()), image.image.geometry};
    draw_overlay(outputs.overlay, c.name, image.image, label, value_names());
    restored.labels() = std::move(label.voxels);
  }

  void write_other(const ImageCase& c, const fs::path& path, RestoreSink& restored, const CaseImage& image,
                   OutputRecord record) const {
    o_.write_labels(c, image.on_file_axes(wide_labels(restored)), image.original, path);
    record.output = digest_of_file(path);
    write_output_record(path, record);
  }

  const Predictor& predictor_;
  const ImagePredictionOptions& o_;
  std::vector<ImageCase> cases_;
  std::vector<Kept> kept_;
};

/// The image whose channels were named one by one.
ImageCase image_of_files(const ImagePredictionOptions& o, int channels) {
  ImageCase c{o.format.stem(o.input), {o.input}, {}};
  c.channels.insert(c.channels.end(), o.more_channels.begin(), o.more_channels.end());
  for (const fs::path& file : c.channels)
    if (!fs::is_regular_file(file) || !o.format.accepts(file))
      throw Error(file.string(), "is no image file",
                  fmt::format("with --more_channels each file is one channel, {}", o.format.pattern()));
  if (static_cast<int>(c.channels.size()) != channels)
    throw Error("--more_channels",
                fmt::format("{} files are given, but the network takes {} channels", c.channels.size(), channels),
                "give --input and the further channels in the order of training");
  return c;
}

/// Each image counts alike, whatever its size.
CasePasses watched_by(const ImagePredictionOptions& options, std::size_t cases) {
  CasePasses passes;
  if (!options.progress) return passes;
  passes.watch = [&options, cases](std::size_t i) {
    LaneWatch watch;
    watch.windows = [&options, cases, i](std::int64_t done, std::int64_t total) {
      const double share = static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
      options.progress((static_cast<double>(i) + share) / static_cast<double>(cases));
    };
    return watch;
  };
  return passes;
}

std::vector<ImageCase> cases_of(const ImagePredictionOptions& options, int channels) {
  if (!options.cases.empty()) return options.cases;
  if (!options.more_channels.empty()) return {image_of_files(options, channels)};
  return list_image_cases(options.input, channels, options.format);
}

/// Of those that are not open.
std::vector<fs::path> kept_outputs(const std::vector<ImageCase>& all, const std::vector<ImageCase>& open,
                                   const ImagePredictionOptions& options) {
  std::set<fs::path> left;
  for (const ImageCase& c : open) left.insert(outputs_of(c, options).label);
  std::vector<fs::path> kept;
  for (const ImageCase& c : all)
    if (fs::path label = outputs_of(c, options).label; !left.contains(label)) kept.push_back(std::move(label));
  return kept;
}

}  // namespace

ImagePredictionResult predict_images(Predictor& predictor, const ImagePredictionOptions& options) {
  auto all = cases_of(options, predictor.model().channels());
  for (ImageCase& c : all)
    if (!options.previous_stage.empty()) c.previous = label_output(c, options.previous_stage, options.format);
  protect_inputs(all, options.input, options.output, options.format);
  return predict_images(predictor, std::move(all), options);
}

ImagePredictionResult predict_images(Predictor& predictor, std::vector<ImageCase> all,
                                     const ImagePredictionOptions& options) {
  if (options.limit > 0 && options.limit < static_cast<std::int64_t>(all.size()))
    all.resize(static_cast<std::size_t>(options.limit));
  const fs::path folder = output_folder(options);
  require_writable_folder(folder.empty() ? fs::path(".") : folder);

  all = options.part.own(all);
  remove_unfinished(all, options);
  auto open = choose_open_cases(
      all, options.output, nlohmann::json::parse(predictor.made_with()), options.overwrite,
      [&](const ImageCase& c) { return extras_of(c, options); }, options.format);
  std::vector<fs::path> kept = kept_outputs(all, open, options);
  ImageStages stages(predictor, options, std::move(open));
  const CaseCounts counts = predict_cases(predictor, stages, true, watched_by(options, stages.cases()));
  return {counts.predicted, static_cast<std::int64_t>(kept.size()), counts.failed, std::move(kept)};
}

}  // namespace nnunet
