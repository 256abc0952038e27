#pragma once
#include <optional>
#include <string>
#include <vector>

#include "nnunet/dicom/object.h"
#include "nnunet/serve/http.h"

namespace nnunet::serve {

/// What a request wants of a DICOM study: ?dicom_series=UID,UID ?dicom_seg=binary ?anonymous=1, or by its Accept header
/// a DICOM object.
struct DicomRequest {
  std::string study;                          ///< UID of the only study that is taken; empty: any
  std::vector<std::string> series;            ///< UIDs; empty: the only series
  std::optional<dicom::ObjectType> object{};  ///< none: the label map is wanted as NIfTI
  bool anonymous = false;

  /// Whether any of these was given in the query.
  bool given = false;
};

/// Throws HttpError(400) for values that are not known.
DicomRequest parse_dicom_request(const HttpRequest& request);

/// True for "1", "true" and all but "0" and "false".
bool flag(const std::map<std::string, std::string>& query, const char* name);

/// Throw HttpError(501), naming what is missing, where this server cannot read DICOM, or not write objects.
void require_dicom();
void require_dicom_objects();

}  // namespace nnunet::serve
