#include "dicom_objects.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "nnunet/client/model_server.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/object.h"
#include "nnunet/dicom/series_cases.h"

namespace nnunet::app {

ObjectSender::ObjectSender(const DicomSendFlags& flags) {
  if (flags.send_to.empty()) return;
  to_ = dicom::parse_destination(flags.send_to, "--send_to");
  options_.calling_ae = flags.aet;
  options_.trust = flags.trust;
  options_.certificate = flags.certificate;
  options_.key = flags.key;
  check_options(options_);
  if (!flags.api_key_file.empty()) options_.authorization = "Bearer " + read_api_key(flags.api_key_file);
}

void ObjectSender::send(const std::filesystem::path& file) const {
  if (!to_) return;
  dicom::send_objects({file}, *to_, options_);
  log::info(fmt::format("{}: sent to {}", file.string(), to_->name()));
}

dicom::ObjectOptions object_options(const DicomObjectFlags& flags, const std::vector<NamedValue>& names) {
  dicom::ObjectOptions options;
  options.segments = flags.labels_json.empty() ? dicom::named_segments(names) : dicom::read_segments(flags.labels_json);
  options.anonymous = flags.anonymous;
  return options;
}

LabelWriter object_writer(const std::vector<dicom::FoundSeries>& series, dicom::ObjectOptions options,
                          dicom::ObjectType type) {
  std::map<std::string, dicom::Series> by_name;  // as their cases are called
  for (const dicom::FoundSeries& found : series) by_name.emplace(found.name(), found.series);
  return [by_name = std::move(by_name), options = std::move(options), type](
             const ImageCase& c, const Array<std::uint16_t>& labels, const Geometry& geometry,
             const std::filesystem::path& path) {
    const dicom::Series& of = by_name.at(c.name);
    write_object(dicom::labels_on_series({labels, geometry}, of, path.string()), of, options, type, path);
  };
}

}  // namespace nnunet::app
