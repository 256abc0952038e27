#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "functions.h"
#include "image_files.h"
#include "nnunet/v2/file_stages.h"
#include "nnunet/v2/predict.h"
#include "objects.h"
#include "run.h"

namespace nnunet::c_api {

namespace fs = std::filesystem;

namespace {

fs::path path_of(const char* text) {
  return text == nullptr ? fs::path() : fs::path(text);
}

/// Where the case's name comes from, messages being about its image.
v2::FileCase case_of(const nnunet_image_files& files, const ImageFormat& format) {
  require(files.labels, "labels");
  v2::FileCase c;
  c.image = channels_of(files);
  c.outputs = {files.labels, path_of(files.probabilities)};
  require_ending(c.outputs.label, format);
  if (const auto ending = c.outputs.probabilities.extension(); !ending.empty() && ending != ".npy" && ending != ".npz")
    throw InvalidCall(fmt::format("probabilities: {} does not end in .npy or .npz", files.probabilities));
  c.image.name = format.stem(c.outputs.label);
  protect_inputs({c.image}, c.image.channels.front(), c.outputs.label, format);
  return c;
}

v2::CaseFinished told(nnunet_image_function finished, void* user) {
  if (finished == nullptr) return {};
  return [finished, user](std::size_t i, const std::string& name, const char* failure) {
    finished(user, static_cast<std::int64_t>(i), name.c_str(), failure);
  };
}

/// How the stages' windows go; run outlives them.
CasePasses passes_of(nnunet_model& model, const Run& run, const CaseStages& stages) {
  CasePasses passes;
  passes.windows = model.predictor.windows_with(run.windows());
  passes.threads = run.threads();
  passes.watch = [&model, &run, &stages](std::size_t i) {
    const auto image = static_cast<std::int64_t>(i), images = static_cast<std::int64_t>(stages.cases());
    run.tell(0, 0, stages.name(i), image, images);
    return run.watch(model, stages.name(i), image, images);
  };
  return passes;
}

/// Before the work.
void check_counts(const nnunet_counts* counts) {
  (void)read_struct(counts, "counts");
}

void write_counts(const v2::PredictCounts& found, nnunet_counts* counts) {
  if (counts == nullptr) return;
  write_struct(nnunet_counts{0, found.predicted, found.kept, found.failed}, counts, "counts");
}

v2::PredictOptions folder_options(const char* input, const char* output, const nnunet_folder_options* folder) {
  require(input, "input");
  require(output, "output");
  const nnunet_folder_options o = read_struct(folder, "folder options");
  v2::PredictOptions options;
  options.input = input;
  options.output = output;
  options.previous_stage = path_of(o.previous);
  options.save_probabilities = o.save_probabilities != 0;
  options.continue_prediction = o.keep_existing != 0;
  options.num_parts = o.parts == 0 ? 1 : o.parts;
  options.part_id = o.part;
  options.progress = false;
  return options;
}

}  // namespace

ImageCase channels_of(const nnunet_image_files& files) {
  if (files.channels_count == 0) throw InvalidCall("channels: there is no file");
  require(files.channels, "channels");
  ImageCase image;
  for (std::size_t i = 0; i < files.channels_count; ++i) {
    require(files.channels[i], "channels");
    image.channels.emplace_back(files.channels[i]);
  }
  image.previous = path_of(files.previous);
  return image;
}

void require_ending(const fs::path& labels, const ImageFormat& format) {
  if (!is_file_output(labels, format))
    throw InvalidCall(fmt::format("labels: {} does not end in {}", labels.string(), format.output_ending()));
}

nnunet_status* segment_files(nnunet_model* model, const nnunet_image_files* images, size_t count,
                             const nnunet_run_options* run, nnunet_image_function finished, void* finished_user,
                             nnunet_counts* counts) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    if (count > 0) require(images, "images");
    check_counts(counts);
    const Run options(run);
    const ThreadCount threads(options.threads());
    std::vector<v2::FileCase> cases;
    std::set<fs::path> labels;
    const auto* at = reinterpret_cast<const std::byte*>(images);
    for (std::size_t i = 0; i < count; ++i) {  // of the size that they have in the caller's version
      const auto* const files = reinterpret_cast<const nnunet_image_files*>(at);
      cases.push_back(case_of(read_struct(files, "images"), model->opened.format));
      if (const fs::path& label = cases.back().outputs.label; !labels.insert(fs::weakly_canonical(label)).second)
        throw InvalidCall(fmt::format("labels: {} is named for two images", label.string()));
      at += files->struct_size;
    }
    v2::FileStages stages(model->predictor, model->opened.format, std::move(cases), told(finished, finished_user));
    const CaseCounts found = predict_cases(model->predictor, stages, false, passes_of(*model, options, stages));
    write_counts({found.predicted, 0, found.failed}, counts);
  });
}

nnunet_status* segment_folder(nnunet_model* model, const char* input, const char* output,
                              const nnunet_folder_options* folder, const nnunet_run_options* run,
                              nnunet_image_function finished, void* finished_user, nnunet_counts* counts) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    v2::PredictOptions options = folder_options(input, output, folder);
    check_counts(counts);
    const Run how(run);
    const ThreadCount threads(how.threads());
    options.finished = told(finished, finished_user);
    options.passes = [&](const CaseStages& stages) { return passes_of(*model, how, stages); };
    const OpenedModel& opened = model->opened;
    if (!opened.v2)
      options.made_with =
          nlohmann::json::parse(model->predictor.made_with(model->predictor.windows_with(how.windows())));
    write_counts(v2::predict(model->predictor, opened.v2 ? &*opened.v2 : nullptr, opened.format, options), counts);
  });
}

}  // namespace nnunet::c_api
