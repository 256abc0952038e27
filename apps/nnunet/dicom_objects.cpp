#include "dicom_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "nnunet/client/model_server.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/object.h"

namespace nnunet::app {

ObjectSender::ObjectSender(const DicomSendFlags& flags) {
  if (flags.send_to.empty()) return;
  to_ = dicom::parse_destination(flags.send_to, "--send_to");
  options_.calling_ae = flags.aet;
  options_.trust = flags.trust;
  options_.certificate = flags.certificate;
  options_.key = flags.key;
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

LabelWriter object_writer(std::vector<dicom::FoundSeries> series, dicom::ObjectOptions options,
                          dicom::ObjectType type) {
  return [series = std::move(series), options = std::move(options), type](
             const ImageCase& c, const Array<std::uint16_t>& labels, const Geometry& geometry,
             const std::filesystem::path& path) {
    const dicom::Series& of = std::ranges::find(series, c.name, &dicom::FoundSeries::name)->series;
    write_object(dicom::labels_on_series({labels, geometry}, of, path.string()), of, options, type, path);
  };
}

}  // namespace nnunet::app
