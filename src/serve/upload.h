#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "multipart.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/nifti.h"
#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// The image that a client sends: the body is a NIfTI file, or a form (`curl -F`) with one such file, or with a file
/// for each channel. What cannot be taken throws HttpError, or Error where it is a file's fault.
class Upload {
 public:
  /// Takes the request's body.
  explicit Upload(HttpRequest& request);
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  std::size_t files() const { return files_.size(); }
  /// Of the (first) file.
  bool compressed() const;
  /// The form's fields that are no files.
  const std::map<std::string, std::string>& fields() const { return fields_; }
  /// As the model reads its images, on the file's axes. Once: the bytes are freed then.
  Image read(const ImageFormat& format, const NiftiLimits& limits);

 private:
  struct File {
    std::string name;
    std::string_view bytes;
  };
  void take_form(const std::string& content_type);
  void take_part(const FormPart& part);
  void sort_channels();
  Image read_file(const File& file, const ImageFormat& format, const NiftiLimits& limits) const;

  std::string body_;        ///< where the files lie
  bool from_curl_ = false;  ///< it may have been told the wrong thing
  std::vector<File> files_;
  std::map<std::string, std::string> fields_;
};

}  // namespace nnunet::serve
