#pragma once
#include <cstddef>
#include <filesystem>
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
/// for each channel. Or it is of DICOM: a zip or a file as the body, a form with a zip or with the files, or the files
/// as DICOMweb's clients send them (multipart/related). What cannot be taken throws HttpError, or Error where it is a
/// file's fault.
class Upload {
 public:
  /// Takes the request's body.
  explicit Upload(HttpRequest& request);
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  std::size_t files() const { return files_.size(); }
  bool is_dicom() const { return dicom_; }
  /// Of the (first) file.
  bool compressed() const;
  /// The form's fields that are no files.
  const std::map<std::string, std::string>& fields() const { return fields_; }
  /// NIfTI: as the model reads its images, on the file's axes. Once: the bytes are freed then.
  Image read(const ImageFormat& format, const NiftiLimits& limits);
  /// DICOM: the zip or the files into a folder, under names of their own; what is to be looked through is returned.
  /// Once: the bytes are freed then.
  std::filesystem::path save(const std::filesystem::path& folder);

 private:
  struct File {
    std::string name;
    std::string_view bytes;
    std::string type = {};  ///< as its part of the form says
  };
  void take_form(const HeaderValue& type);
  void take_related(const HeaderValue& type);
  void take_part(const FormPart& part);
  void look_for_dicom(const std::string& body_type);
  void sort_channels();
  Image read_file(const File& file, const ImageFormat& format, const NiftiLimits& limits) const;
  void free_bytes();

  std::string body_;        ///< where the files lie
  bool from_curl_ = false;  ///< it may have been told the wrong thing
  bool dicom_ = false;
  std::vector<File> files_;
  std::map<std::string, std::string> fields_;
};

}  // namespace nnunet::serve
