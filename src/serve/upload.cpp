#include "upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/io/gzip.h"
#include "nnunet/io/image_case.h"

namespace nnunet::serve {
namespace {

constexpr const char* send_the_file = "send the file itself as the body: curl --data-binary @image.nii.gz URL";
constexpr std::size_t max_field_bytes = 256;

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

}  // namespace

Upload::Upload(HttpRequest& request) : body_(std::move(request.body)) {
  if (body_.empty()) throw HttpError(400, fmt::format("the body is empty; {}", send_the_file));
  const std::string& content_type = request.header("content-type");
  const auto type = parse_header_value(content_type);
  from_curl_ = lower_case(request.header("user-agent")).starts_with("curl/") ||
               (type && type->value == "application/x-www-form-urlencoded");
  if (lower_case(content_type).starts_with("multipart/"))
    take_form(content_type);
  else
    files_.push_back({"image", body_});
}

void Upload::take_form(const std::string& content_type) {
  const auto type = parse_header_value(content_type);
  if (!type || type->value != "multipart/form-data")
    throw HttpError(415, fmt::format("Content-Type '{}' is not known; {}", content_type, send_the_file));
  std::vector<FormPart> parts;
  try {
    parts = parse_form(*type, body_);
  } catch (const HttpError& e) {
    throw HttpError(e.status(), fmt::format("{}; {}", e.what(), send_the_file));
  }
  for (const FormPart& part : parts) take_part(part);
  if (files_.empty())
    throw HttpError(400, "the form holds no file; with curl, @ goes before its name: curl -F file=@image.nii.gz URL");
  if (files_.size() > 1) sort_channels();
}

void Upload::take_part(const FormPart& part) {
  if (part.filename) {
    if (part.content.empty()) throw HttpError(400, fmt::format("the file '{}' in the form is empty", *part.filename));
    files_.push_back({part.filename->empty() ? part.name : *part.filename, part.content});
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
  files_.clear();
  body_ = {};
  return image;
}

}  // namespace nnunet::serve
