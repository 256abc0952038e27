#include "sent_image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dicom_request.h"
#include "dicom_study.h"
#include "nnunet/core/memory.h"
#include "upload.h"

namespace nnunet::serve {
namespace {

HttpResponse file_response(std::string content_type, const std::string& name, std::string bytes) {
  return {200,
          std::move(content_type),
          std::move(bytes),
          {{"Content-Disposition", fmt::format("attachment; filename=\"{}\"", name)}}};
}

HttpResponse nifti_response(const std::string& stem, const std::vector<std::byte>& bytes, bool compressed) {
  return file_response(compressed ? "application/gzip" : "application/octet-stream",
                       stem + (compressed ? ".nii.gz" : ".nii"),
                       {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

HttpResponse label_file(const LabelMap& label, bool compressed) {
  return nifti_response("labels", encode_label_map(label, compressed), compressed);
}

/// Tells the client what was left out or repaired.
void add_warnings(HttpResponse& response, const std::vector<std::string>& warnings) {
  constexpr std::size_t longest = 4096;
  std::string text;
  for (const std::string& warning : warnings) text += (text.empty() ? "" : "; ") + warning;
  if (text.empty()) return;
  if (text.size() > longest) text = text.substr(0, longest - 3) + "...";
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  response.headers.emplace_back(warning_header, text);
}

class NiftiImage final : public SentImage {
 public:
  NiftiImage(std::unique_ptr<Upload> upload, ImageFormat format, NiftiLimits limits)
      : upload_(std::move(upload)), format_(std::move(format)), limits_(limits), compressed_(upload_->compressed()) {}

  Image read() override { return upload_->read(format_, limits_); }
  LabelAnswer answer(const LabelMap& label, bool) override { return {label_file(label, compressed_)}; }

 private:
  std::unique_ptr<Upload> upload_;
  ImageFormat format_;
  NiftiLimits limits_;
  bool compressed_;
};

class DicomImage final : public SentImage {
 public:
  DicomImage(std::unique_ptr<Upload> upload, DicomRequest wanted, std::size_t channels, std::int64_t max_voxels,
             std::vector<dicom::Segment> segments)
      : upload_(std::move(upload)), wanted_(std::move(wanted)), channels_(channels), max_voxels_(max_voxels) {
    object_.segments = std::move(segments);
    object_.anonymous = wanted_.anonymous;
  }

  Image read() override {
    study_.emplace(*upload_, StudyChoice{wanted_.study, wanted_.series, channels_});
    upload_.reset();
    return study_->read(max_voxels_);
  }

  LabelAnswer answer(const LabelMap& label, bool both) override {
    LabelAnswer result;
    if (wanted_.object)
      result.answer = file_response("application/dicom", "labels.dcm", study_->object(label, object_, *wanted_.object));
    else
      result.answer = label_file(label, true);
    add_warnings(result.answer, study_->warnings());
    if (wanted_.object && both) result.label_map = label_file(label, true);
    return result;
  }

  HttpResponse as_nifti() {
    HttpResponse response = nifti_response("image", encode_image(read(), true), true);
    add_warnings(response, study_->warnings());
    return response;
  }

 private:
  std::unique_ptr<Upload> upload_;
  DicomRequest wanted_;
  std::size_t channels_;
  std::int64_t max_voxels_;
  dicom::ObjectOptions object_;
  std::optional<DicomStudy> study_;
};

/// A form may hold what else is the query's.
void add_fields(const std::map<std::string, std::string>& fields, std::map<std::string, std::string>& query) {
  static const std::vector<std::string> known{"async", "dicom_series", "dicom_seg", "anonymous"};
  for (const auto& [name, value] : fields) {
    if (std::ranges::find(known, name) == known.end())
      throw HttpError(
          400, fmt::format("the form's field '{}' means nothing here; {} do, and files", name, fmt::join(known, ", ")));
    if (!query.emplace(name, value).second) throw HttpError(400, fmt::format("'{}' is there twice", name));
  }
}

std::string channels_text(int channels) {
  return channels == 1 ? "1 channel" : fmt::format("{} channels", channels);
}

/// Of the model's structures, where nobody said it better.
std::vector<dicom::Segment> segments_of(const ImageTaker& taker) {
  return taker.segments.empty() ? dicom::named_segments(taker.model.description().structures) : taker.segments;
}

}  // namespace

std::unique_ptr<SentImage> take_image(HttpRequest& request, const ImageTaker& taker, const ServiceOptions& options) {
  auto upload = std::make_unique<Upload>(request);
  add_fields(upload->fields(), request.query);
  DicomRequest wanted = parse_dicom_request(request);
  wanted.study = taker.study;
  const int channels = taker.model.data().in_channels;
  if (upload->is_dicom()) {
    require_dicom();
    if (wanted.object) require_dicom_objects();
    return std::make_unique<DicomImage>(std::move(upload), wanted, static_cast<std::size_t>(channels),
                                        options.volume_voxels, segments_of(taker));
  }
  if (wanted.given)
    throw HttpError(400,
                    "dicom_series, dicom_seg, anonymous and Accept: application/dicom are for DICOM images, and "
                    "this is none");
  if (upload->files() > 1 && upload->files() != static_cast<std::size_t>(channels))
    throw HttpError(400, fmt::format("the form holds {} files, but '{}' takes {}; send one image at a time: one file, "
                                     "or a file for each channel",
                                     upload->files(), taker.name, channels_text(channels)));
  return std::make_unique<NiftiImage>(std::move(upload), taker.model.description().format,
                                      NiftiLimits{options.volume_voxels});
}

std::function<HttpResponse()> take_study_as_nifti(HttpRequest& request, const ServiceOptions& options) {
  auto upload = std::make_unique<Upload>(request);
  add_fields(upload->fields(), request.query);
  if (!upload->is_dicom()) throw HttpError(400, "the body is not of DICOM: it needs no conversion, or cannot be read");
  require_dicom();
  const DicomRequest wanted = parse_dicom_request(request);
  const std::size_t channels = std::max<std::size_t>(1, wanted.series.size());
  const auto voxels = options.volume_bytes / static_cast<std::int64_t>(sizeof(float));
  const auto image = std::make_shared<DicomImage>(
      std::move(upload), wanted, channels, std::min(options.volume_voxels, voxels), std::vector<dicom::Segment>());
  return [image] { return image->as_nifti(); };
}

}  // namespace nnunet::serve
