// nnunet dicom-seg: a label map as a DICOM object.
#include "options/dicom_seg.h"

#include "commands.h"
#include "nnunet/core/error.h"
#include "options/parser.h"
#ifdef NNUNET_DICOM
#include <fmt/format.h>

#include <optional>
#include <set>

#include "nnunet/client/model_server.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/send.h"
#include "nnunet/dicom/series_headers.h"
#endif

namespace nnunet::app {
namespace {

#ifdef NNUNET_DICOM

/// Without names each value that is there is a label.
std::vector<dicom::Segment> unnamed_segments(const Array<std::uint16_t>& labels) {
  std::vector<NamedValue> values;
  for (const std::uint16_t value : std::set<std::uint16_t>(labels.values.begin(), labels.values.end()))
    if (value != 0) values.push_back({value, ""});
  if (values.empty()) values.push_back({1, ""});
  return dicom::named_segments(values);
}

/// Sends the object; what is wrong with the options is said before it is written.
class Sender {
 public:
  explicit Sender(const DicomSendFlags& flags) : to_(dicom::parse_destination(flags.send_to, "--send_to")) {
    options_.calling_ae = flags.aet;
    options_.trust = flags.trust;
    options_.certificate = flags.certificate;
    options_.key = flags.key;
    if (!flags.api_key_file.empty()) options_.authorization = "Bearer " + read_api_key(flags.api_key_file);
  }
  void send(const std::filesystem::path& file) const {
    send_objects({file}, to_, options_);
    log::info(fmt::format("{}: sent to {}", file.string(), to_.name()));
  }

 private:
  dicom::Destination to_;
  dicom::SendOptions options_;
};

void run(const DicomSegFlags& flags) {
  std::optional<Sender> sender;
  if (!flags.send.send_to.empty()) sender.emplace(flags.send);
  if (std::filesystem::exists(flags.output) && !flags.overwrite)
    throw Error(flags.output.string(), "is there already", "give another --output, or --overwrite");
  const dicom::Series series = dicom::read_series_headers(flags.series);
  const auto labels = dicom::labels_on_series(read_label_file(flags.labels), series, flags.labels.string());
  dicom::ObjectOptions options;
  options.segments =
      flags.object.labels_json.empty() ? unnamed_segments(labels) : dicom::read_segments(flags.object.labels_json);
  options.anonymous = flags.object.anonymous;
  write_object(labels, series, options, flags.object.type, flags.output);
  log::info(fmt::format("{}: {} labels on {} slices", flags.output.string(), options.segments.size(), series.shape[0]));
  if (sender) sender->send(flags.output);
}

#else

void run(const DicomSegFlags&) {
  throw Error("dicom-seg", "this program was built without DICOM", "build it where DCMTK (libdcmtk-dev) is installed");
}

#endif

}  // namespace

void add_dicom_seg(CLI::App& program) {
  add_command<DicomSegFlags>(program, dicom_seg_command, run);
}

}  // namespace nnunet::app
