#include "nnunet/client/segment_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>

#include "nnunet/core/case_failure.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/names.h"
#include "nnunet/io/output_record.h"
#include "remote_job.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What is sent for a case: its file as it is, or its channels' files as one, or as a form.
struct Upload {
  RemoteImage image;
  std::optional<Geometry> geometry{};  ///< of files sent as one: the first one's, which the label map gets
  std::vector<FileRecord> sources{};
};

std::string whole_file(const fs::path& path) {
  return read_text(path, static_cast<std::size_t>(-1));
}

/// A line that lies in none of the files.
std::string boundary_for(const std::vector<std::string>& files) {
  for (int i = 0;; ++i) {
    const std::string boundary = fmt::format("nnunet-channels-{}", i);
    if (std::ranges::none_of(files, [&](const std::string& file) { return file.find(boundary) != std::string::npos; }))
      return boundary;
  }
}

/// The files as they are: the server reads them as the model's own reader does. Their names stay here: stem and ending
/// are given, and say what they are.
RemoteImage form_of(const std::vector<fs::path>& paths, const std::string& stem, const std::string& ending) {
  std::vector<std::string> files;
  for (const fs::path& path : paths) files.push_back(whole_file(path));
  const std::string boundary = boundary_for(files);
  RemoteImage image{{}, "multipart/form-data; boundary=" + boundary};
  for (std::size_t i = 0; i < files.size(); ++i) {
    image.body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}_{:04}{}\"\r\n\r\n",
                              boundary, stem, i, ending);
    image.body += files[i];
    files[i] = {};
    image.body += "\r\n";
  }
  image.body += fmt::format("--{}--\r\n", boundary);
  return image;
}

/// The DICOM series that cases are made of, and what is wanted of them.
class SeriesToSend {
 public:
  SeriesToSend() = default;
  /// found: all there are.
  SeriesToSend(const dicom::Finding& found, std::vector<dicom::FoundSeries> chosen, int channels,
               const RemoteSegmentationOptions& options)
      : series_(std::move(chosen)), channels_(channels) {
    for (const dicom::FoundSeries& one : found.series)
      for (const dicom::Frame& frame : one.series.frames) files_[one.series.series_uid].insert(frame.file);
    static const std::map<dicom::ObjectType, std::string> names{{dicom::ObjectType::binary, "binary"},
                                                                {dicom::ObjectType::labelmap, "labelmap"},
                                                                {dicom::ObjectType::rtstruct, "rtstruct"}};
    if (options.dicom_seg) wanted_ = "&dicom_seg=" + names.at(*options.dicom_seg);
    if (options.anonymous) wanted_ += "&anonymous=1";
  }

  bool empty() const { return series_.empty(); }
  std::vector<ImageCase> cases() const { return dicom::series_cases(series_, channels_); }

  /// All files of the series that the case is made of, so that the server finds in them what was found here.
  RemoteImage image(const ImageCase& c) const {
    std::set<fs::path> files;
    std::string names;
    for (const dicom::FoundSeries& found : series_) {
      if (channels_ == 1 && found.name() != c.name) continue;
      names += (names.empty() ? "&dicom_series=" : ",") + found.name();
      // Of a series of several volumes all, so that the server numbers them alike.
      files.insert(files_.at(found.series.series_uid).begin(), files_.at(found.series.series_uid).end());
    }
    RemoteImage image = form_of({files.begin(), files.end()}, "instance", ".dcm");
    image.query = names + wanted_;
    return image;
  }

 private:
  std::vector<dicom::FoundSeries> series_;
  std::map<std::string, std::set<fs::path>> files_;  ///< by the series' UID
  int channels_ = 1;
  std::string wanted_;  ///< of the query
};

Upload make_upload(const ImageCase& c, const ImageFormat& format, const SeriesToSend& series) {
  if (!c.problem.empty()) throw Error(c.name, c.problem, "check the files' names");
  Upload upload;
  for (const fs::path& file : c.channels) upload.sources.push_back(record_file(file));
  if (!series.empty()) {
    upload.image = series.image(c);
  } else if (c.channels.size() == 1) {
    upload.image.body = whole_file(c.channels.front());
  } else if (format.numbered) {
    upload.image = form_of(c.channels, "image", ".nii.gz");
  } else {
    const Image image = read_image_case(c);
    upload.image.body = as_text(encode_image(image, false));
    upload.geometry = image.geometry;
  }
  return upload;
}

void save_object(const fs::path& path, const std::string& name, const std::string& answer, Upload& upload,
                 const Json& made_with) {
  constexpr std::size_t preamble = 128;
  if (answer.size() <= preamble || !std::string_view(answer).substr(preamble).starts_with("DICM"))
    throw Error("the server's answer for " + name, "is no DICOM file", "check --url");
  forget_output(path);
  write_recorded(path, std::as_bytes(std::span(answer)), {made_with, std::move(upload.sources)});
}

void save(const fs::path& path, const std::string& name, const std::string& answer, Upload& upload,
          const Json& made_with) {
  const auto file = std::as_bytes(std::span(answer));
  LabelMap label = read_label_map(file, "the server's answer for " + name);  // whole, and a label map?
  const OutputRecord record{made_with, std::move(upload.sources)};
  const bool compress = has_suffix(path, ".gz");
  if (upload.geometry) label.geometry = *upload.geometry;
  forget_output(path);
  if (!upload.geometry && is_gzip(file) == compress)
    write_recorded(path, file, record);
  else
    write_recorded(path, encode_label_map(label, compress), record);
}

/// Only the wanted cases; those that are not there become cases with a problem.
std::vector<ImageCase> choose(std::vector<ImageCase> all, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return all;
  std::vector<ImageCase> chosen;
  for (const std::string& name : wanted) {
    const auto found = std::ranges::find(all, name, &ImageCase::name);
    chosen.push_back(found != all.end() ? *found : ImageCase{name, {}, "its image is not in the input folder"});
  }
  return chosen;
}

/// What killed runs left of these cases under temporary names.
void remove_unfinished(const std::vector<ImageCase>& cases, const fs::path& output, const ImageFormat& format,
                       const fs::path& folder) {
  std::set<std::string> names;
  std::vector<fs::path> labels;
  for (const ImageCase& c : cases) {
    labels.push_back(label_output(c, output, format));
    names.insert(labels.back().filename().string());
  }
  remove_leftovers(folder, names);
  remove_record_leftovers(labels);
}

class RemoteSegmentation {
 public:
  RemoteSegmentation(const RemoteSegmentationOptions& options, std::vector<ImageCase> cases, std::string made_with,
                     ImageFormat format, SeriesToSend series)
      : o_(options),
        cases_(std::move(cases)),
        made_with_(std::move(made_with)),
        format_(std::move(format)),
        series_(std::move(series)),
        progress_("client", static_cast<std::int64_t>(cases_.size()), "images") {}

  RemoteSegmentationResult run() {
    parallel_for(static_cast<std::int64_t>(cases_.size()), o_.jobs,
                 [this](std::int64_t i) { process(cases_[static_cast<std::size_t>(i)]); });
    progress_.finish();
    return result_;
  }

 private:
  void process(const ImageCase& c) {
    if (stopped_) return;
    try {
      segment(c);
      const std::lock_guard lock(mutex_);
      ++result_.segmented;
    } catch (const Stopped&) {
      stopped_ = true;
      const std::lock_guard lock(mutex_);
      result_.stopped = true;
      return;
    } catch (const std::exception& e) {
      log::error(case_failure(c.name, e));
      const std::lock_guard lock(mutex_);
      ++result_.failed;
    }
    const std::lock_guard lock(mutex_);
    under_way_.erase(c.name);
    const std::string note = show_under_way();
    progress_.advance(1, note);
  }

  void segment(const ImageCase& c) {
    ModelServer server(o_.server);
    Upload upload = make_upload(c, format_, series_);
    const JobWatch watch{Clock::now() + o_.timeout, o_.stop, [&](double done) { show(c.name, done); }};
    const RemoteLabels answer = run_remote_job(server, o_.model, upload.image, watch);
    if (!answer.warnings.empty()) log::warn(fmt::format("{}: {}", c.name, answer.warnings));
    if (server.find_model(o_.model).made_with != made_with_)
      throw Error("", "the server has loaded another network meanwhile", "run the same command again");
    const fs::path path = label_output(c, o_.output, format_);
    (o_.dicom_seg ? save_object : save)(path, c.name, answer.file, upload, Json::parse(made_with_));
  }

  void show(const std::string& name, double done) {
    const std::lock_guard lock(mutex_);
    under_way_[name] = done;
    show_under_way();
  }

  std::string show_under_way() {
    double sum = 0;
    std::string note;
    for (const auto& [name, part] : under_way_) {
      sum += part;
      note += fmt::format("{}{} {:.0f} %", note.empty() ? "" : ", ", name, 100 * part);
    }
    progress_.update(sum, note);
    return note;
  }

  const RemoteSegmentationOptions& o_;
  const std::vector<ImageCase> cases_;
  const std::string made_with_;
  const ImageFormat format_;
  const SeriesToSend series_;
  Progress progress_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::map<std::string, double> under_way_;
  RemoteSegmentationResult result_;
};

/// What the server takes of a model's images: those that are NIfTI files.
ImageFormat format_of(const ServedModelInfo& model) {
  if (model.file_ending.empty()) return {};
  const ImageFormat format{model.file_ending, ImageReader::automatic, true};
  return format.is_nifti() ? format : ImageFormat{{}, ImageReader::automatic, true};
}

/// The input's DICOM series as predict finds and chooses them; none: it is no DICOM.
SeriesToSend series_of(const RemoteSegmentationOptions& o, int channels, const ImageFormat& format) {
  if (o.dicom_series.empty() && !dicom::is_dicom_input(o.input, format)) {
    if (o.dicom_seg)
      throw Error("--dicom_seg", fmt::format("{} is no DICOM series", o.input.string()),
                  "leave it out: label maps of other images are NIfTI");
    dicom::warn_of_dicom_beside_images(o.input, format);
    return {};
  }
  if (!o.cases.empty())
    throw Error("--data", "chooses cases by their files' names, which DICOM series have not",
                "leave it out, or give NIfTI images");
  const dicom::Finding found = dicom::find_series(o.input);
  return {found, dicom::choose_series(found, o.input, o.dicom_series), channels, o};
}

}  // namespace

RemoteSegmentationResult segment_images(const RemoteSegmentationOptions& o) {
  const ServedModelInfo model = ModelServer(o.server).find_model(o.model);
  ImageFormat format = format_of(model);
  SeriesToSend series = series_of(o, model.channels, format);
  if (!series.empty()) format = dicom::series_format(format);
  if (o.dicom_seg) format.ending = ".dcm";
  const auto all = series.empty() ? choose(list_image_cases(o.input, model.channels, format), o.cases) : series.cases();
  protect_inputs(all, o.input, o.output, format);
  const fs::path parent = is_file_output(o.output, format) ? o.output.parent_path() : o.output;
  const fs::path folder = parent.empty() ? fs::path(".") : parent;
  require_writable_folder(folder);
  remove_unfinished(all, o.output, format, folder);
  std::vector<ImageCase> open = choose_open_cases(all, o.output, Json::parse(model.made_with), o.overwrite, {}, format);
  const auto kept = static_cast<std::int64_t>(all.size() - open.size());
  RemoteSegmentationResult result =
      RemoteSegmentation(o, std::move(open), model.made_with, format, std::move(series)).run();
  result.kept = kept;
  return result;
}

}  // namespace nnunet
