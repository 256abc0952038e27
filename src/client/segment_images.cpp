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

/// What is sent for a case: its file as it is, or its channels' files as one.
struct Upload {
  std::string file;
  std::optional<Geometry> geometry{};  ///< of several files: the first one's, which the label map gets
  std::vector<FileRecord> sources{};
};

Upload make_upload(const ImageCase& c) {
  Upload upload;
  if (c.problem.empty())
    for (const fs::path& file : c.channels) upload.sources.push_back(record_file(file));
  if (c.problem.empty() && c.channels.size() == 1) {
    upload.file = read_text(c.channels.front(), static_cast<std::size_t>(-1));
  } else {
    const Image image = read_image_case(c);
    upload.file = as_text(encode_image(image, false));
    upload.geometry = image.geometry;
  }
  return upload;
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
void remove_unfinished(const std::vector<ImageCase>& cases, const fs::path& output, const fs::path& folder) {
  std::set<std::string> names;
  std::vector<fs::path> labels;
  for (const ImageCase& c : cases) {
    labels.push_back(label_output(c, output));
    names.insert(labels.back().filename().string());
  }
  remove_leftovers(folder, names);
  remove_record_leftovers(labels);
}

class RemoteSegmentation {
 public:
  RemoteSegmentation(const RemoteSegmentationOptions& options, std::vector<ImageCase> cases, std::string made_with)
      : o_(options),
        cases_(std::move(cases)),
        made_with_(std::move(made_with)),
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
    Upload upload = make_upload(c);
    const JobWatch watch{Clock::now() + o_.timeout, o_.stop, [&](double done) { show(c.name, done); }};
    const std::string answer = run_remote_job(server, o_.model, upload.file, watch);
    if (server.find_model(o_.model).made_with != made_with_)
      throw Error("", "the server has loaded another network meanwhile", "run the same command again");
    save(label_output(c, o_.output), c.name, answer, upload, Json::parse(made_with_));
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
  Progress progress_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::map<std::string, double> under_way_;
  RemoteSegmentationResult result_;
};

}  // namespace

RemoteSegmentationResult segment_images(const RemoteSegmentationOptions& o) {
  const ServedModelInfo model = ModelServer(o.server).find_model(o.model);
  const auto all = choose(list_image_cases(o.input, model.channels), o.cases);
  protect_inputs(all, o.input, o.output);
  const fs::path parent = is_file_output(o.output) ? o.output.parent_path() : o.output;
  const fs::path folder = parent.empty() ? fs::path(".") : parent;
  require_writable_folder(folder);
  remove_unfinished(all, o.output, folder);
  std::vector<ImageCase> open = choose_open_cases(all, o.output, Json::parse(model.made_with), o.overwrite);
  const auto kept = static_cast<std::int64_t>(all.size() - open.size());
  RemoteSegmentationResult result = RemoteSegmentation(o, std::move(open), model.made_with).run();
  result.kept = kept;
  return result;
}

}  // namespace nnunet
