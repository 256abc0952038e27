#include "dicom_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "header_tokens.h"
#include "nnunet/dicom/find_series.h"

namespace nnunet::serve {
namespace {

dicom::ObjectType object_type(const std::string& name) {
  if (name == "binary") return dicom::ObjectType::binary;
  if (name == "labelmap") return dicom::ObjectType::labelmap;
  if (name == "rtstruct") return dicom::ObjectType::rtstruct;
  throw HttpError(400, fmt::format("dicom_seg={} is not known; binary, labelmap and rtstruct are", name));
}

bool accepts_dicom(const HttpRequest& request) {
  return std::ranges::any_of(header_list(request.header("accept")), [](std::string_view text) {
    const auto type = parse_header_value(text);
    return type && type->value == "application/dicom";
  });
}

std::vector<std::string> uids(const std::string& text) {
  std::vector<std::string> list;
  for (const std::string_view uid : header_list(text)) list.emplace_back(uid);
  if (list.empty()) throw HttpError(400, "dicom_series names no series; give its UID, or leave it out");
  if (std::ranges::find(list, "all") != list.end())
    throw HttpError(400, "dicom_series=all is not taken: a request segments one series; name it by its UID");
  return list;
}

}  // namespace

bool flag(const std::map<std::string, std::string>& query, const char* name) {
  const auto found = query.find(name);
  return found != query.end() && found->second != "0" && !same_token(found->second, "false");
}

DicomRequest parse_dicom_request(const HttpRequest& request) {
  DicomRequest wanted;
  const auto& query = request.query;
  if (const auto series = query.find("dicom_series"); series != query.end()) wanted.series = uids(series->second);
  if (const auto object = query.find("dicom_seg"); object != query.end())
    wanted.object = object_type(object->second);
  else if (accepts_dicom(request))
    wanted.object = dicom::ObjectType::binary;
  wanted.anonymous = flag(query, "anonymous");
  wanted.given =
      query.contains("dicom_series") || query.contains("dicom_seg") || query.contains("anonymous") || wanted.object;
  return wanted;
}

void require_dicom() {
  if (std::string why_not; !dicom::is_available(&why_not))
    throw HttpError(501, fmt::format("this server cannot read DICOM ({}); send the image as NIfTI", why_not));
}

void require_dicom_objects() {
  if (std::string why_not; !dicom::can_write_objects(&why_not))
    throw HttpError(501, fmt::format("this server cannot write DICOM objects ({}); leave dicom_seg out to get the "
                                     "label map as NIfTI",
                                     why_not));
}

}  // namespace nnunet::serve
