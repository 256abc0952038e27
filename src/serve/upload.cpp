#include "upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/image_case.h"

namespace nnunet::serve {
namespace {

constexpr const char* send_the_file = "send the file itself as the body: curl --data-binary @image.nii.gz URL";
constexpr const char* send_dicom =
    "send a DICOM study as a zip (curl --data-binary @study.zip URL), or its files in a form (curl -F a=@1.dcm -F "
    "b=@2.dcm URL)";
constexpr std::size_t max_field_bytes = 2048;       ///< a UID for each of 31 channels
constexpr std::size_t max_dicom_parts = 64 * 1024;  ///< the files of a study

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// What curl was probably told when this is no image; may be empty.
std::string hint(std::string_view body, bool from_curl) {
  const std::string_view start = body.substr(0, max_part_header_bytes);
  if (start.starts_with("--") && start.find("Content-Disposition:") != std::string_view::npos)
    return "The body is a form, but Content-Type does not say so: let curl -F write that header";
  if (!from_curl) return {};
  // Images are full of these three, and `curl -d @file` takes them out.
  if (body.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return {};
  if (body.size() <= max_field_bytes && is_nifti_name(std::string(body)))
    return "The body is a file's name: with curl, @ goes before it (--data-binary @image.nii.gz)";
  return "It has no line end and no zero byte, as after curl -d, which takes them out: write --data-binary "
         "@image.nii.gz -H 'Content-Type: application/octet-stream'";
}

bool is_zip(std::string_view bytes) {
  return bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06");  // the latter: an empty one
}

/// With the usual preamble.
bool is_dicom_file(std::string_view bytes) {
  constexpr std::size_t preamble = 128;
  return bytes.size() > preamble && bytes.substr(preamble).starts_with("DICM");
}

bool is_dicom_type(std::string_view type) {
  return type == "application/dicom" || type == "application/zip" || type == "application/x-zip-compressed";
}

}  // namespace

Upload::Upload(HttpRequest& request) : body_(std::move(request.body)) {
  if (body_.empty()) throw HttpError(400, fmt::format("the body is empty; {}", send_the_file));
  const std::string& content_type = request.header("content-type");
  const auto type = parse_header_value(content_type);
  from_curl_ = lower_case(request.header("user-agent")).starts_with("curl/") ||
               (type && type->value == "application/x-www-form-urlencoded");
  if (lower_case(content_type).starts_with("multipart/")) {
    if (type && type->value == "multipart/form-data")
      take_form(*type);
    else if (type && type->value == "multipart/related")
      take_related(*type);
    else
      throw HttpError(415, fmt::format("Content-Type '{}' is not known; {}", content_type, send_the_file));
  } else {
    files_.push_back({"image", body_});
  }
  look_for_dicom(type ? type->value : std::string());
  if (!dicom_ && files_.size() > 1) sort_channels();
}

void Upload::take_form(const HeaderValue& type) {
  std::vector<FormPart> parts;
  try {
    parts = parse_form(type, body_, max_dicom_parts);
  } catch (const HttpError& e) {
    throw HttpError(e.status(), fmt::format("{}; {}", e.what(), send_the_file));
  }
  for (const FormPart& part : parts) take_part(part);
  if (files_.empty())
    throw HttpError(400, "the form holds no file; with curl, @ goes before its name: curl -F file=@image.nii.gz URL");
}

void Upload::take_related(const HeaderValue& type) {
  for (RelatedPart& part : parse_related(type, body_, max_dicom_parts)) {
    if (part.type != "application/dicom")
      throw HttpError(415, fmt::format("the parts of multipart/related must be application/dicom; one is '{}'. {}",
                                       part.type, send_dicom));
    files_.push_back({{}, part.content, std::move(part.type)});
  }
  if (files_.empty()) throw HttpError(400, fmt::format("the body holds no file; {}", send_dicom));
}

/// One file of DICOM makes all of them a study. Messages name none of its files: people call them by patients' names.
void Upload::look_for_dicom(const std::string& body_type) {
  const bool zip = std::ranges::any_of(files_, [](const File& file) { return is_zip(file.bytes); });
  dicom_ = zip || is_dicom_type(body_type) || std::ranges::any_of(files_, [](const File& file) {
             return is_dicom_file(file.bytes) || is_dicom_type(file.type) || lower_case(file.name).ends_with(".dcm");
           });
  if (zip && files_.size() > 1)
    throw HttpError(400, fmt::format("the form holds {} files, of which one is a zip; {}", files_.size(), send_dicom));
  if (dicom_ && body_type == "application/zip" && !zip)
    throw HttpError(400, "the body is no zip, though Content-Type says so");
  if (dicom_) return;
  for (const File& file : files_)
    if (file.bytes.empty()) throw HttpError(400, fmt::format("the file '{}' in the form is empty", file.name));
  if (files_.size() > max_form_parts)
    throw HttpError(400, fmt::format("the form holds {} files, more than the {} channels of an image; {}",
                                     files_.size(), max_form_parts, send_dicom));
}

void Upload::take_part(const FormPart& part) {
  if (part.filename) {
    files_.push_back({part.filename->empty() ? part.name : *part.filename, part.content, part.type});
    return;
  }
  if (part.content.size() > max_field_bytes || is_nifti_name(std::string(part.content)))
    throw HttpError(400, fmt::format("the form's field '{}' is a text; with curl, @ goes before a file's name: "
                                     "curl -F {}=@image.nii.gz URL",
                                     part.name, part.name));
  if (!fields_.emplace(part.name, part.content).second)
    throw HttpError(400, fmt::format("the form's field '{}' is there twice", part.name));
}

/// nnU-Net's names (case_0000.nii.gz, case_0001.nii.gz) say which channel a file is; without them the form's order
/// does.
void Upload::sort_channels() {
  std::vector<std::optional<File>> sorted(files_.size());
  std::size_t named = 0, placed = 0;
  for (const File& file : files_) {
    const auto name = channel_name(nifti_stem(file.name));
    if (!name) continue;
    ++named;
    const auto channel = static_cast<std::size_t>(name->channel);
    if (channel >= sorted.size() || sorted[channel]) continue;
    sorted[channel] = file;
    ++placed;
  }
  if (named == 0) return;
  if (placed != files_.size())
    throw HttpError(400, fmt::format("the names of the form's {0} files do not say which channel each is: end all of "
                                     "them in _0000 to _{1:04}, or none",
                                     files_.size(), files_.size() - 1));
  std::ranges::transform(sorted, files_.begin(), [](const auto& file) { return *file; });
}

bool Upload::compressed() const {
  return is_gzip(as_bytes(files_.front().bytes));
}

Image Upload::read_file(const File& file, const ImageFormat& format, const NiftiLimits& limits) const {
  try {
    if (format.numbered) return read_nifti_as(as_bytes(file.bytes), file.name, format.reader, limits);
    return read_nifti(as_bytes(file.bytes), file.name, limits);
  } catch (const Error& e) {
    const std::string advice =
        files_.size() == 1 && file.bytes.size() == body_.size() ? hint(body_, from_curl_) : std::string();
    if (advice.empty()) throw;
    throw HttpError(400, fmt::format("{} {}", e.what(), advice));
  }
}

Image Upload::read(const ImageFormat& format, const NiftiLimits& limits) {
  const NiftiLimits each{limits.max_voxels / static_cast<std::int64_t>(files_.size())};
  const auto read = [&](std::size_t i) { return read_file(files_[i], format, each); };
  const auto name = [&](std::size_t i) { return files_[i].name; };
  Image image = format.numbered ? stack_images(files_.size(), read, name) : read_channels(files_.size(), read, name);
  free_bytes();
  return image;
}

std::filesystem::path Upload::save(const std::filesystem::path& folder) {
  std::filesystem::path zip;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const bool packed = is_zip(files_[i].bytes);
    const std::filesystem::path path = folder / (packed ? "study.zip" : fmt::format("file {}", i + 1));
    std::ofstream file(path, std::ios::binary);
    file << files_[i].bytes;
    file.flush();
    if (!file) throw WriteError(path.string(), "cannot be written", "set TMPDIR to a folder on a larger disk");
    if (packed) zip = path;
  }
  free_bytes();
  return zip.empty() ? folder : zip;
}

void Upload::free_bytes() {
  files_.clear();
  body_ = {};
}

}  // namespace nnunet::serve
