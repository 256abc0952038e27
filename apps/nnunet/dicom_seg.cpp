// nnunet dicom-seg: a label map as a DICOM object.
#include "options/dicom_seg.h"

#include <fmt/format.h>

#include "commands.h"
#include "dicom_objects.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/series_cases.h"
#include "options/parser.h"

namespace nnunet::app {
namespace {

dicom::FoundSeries series_of(const DicomSegFlags& flags) {
  auto found = dicom::choose_series(dicom::find_series(flags.series), flags.series, flags.dicom_series);
  if (found.size() > 1)
    throw Error("--dicom_series", fmt::format("chooses {} series, and a label map belongs to one", found.size()),
                "give that one's UID");
  return std::move(found.front());
}

void run(const DicomSegFlags& flags) {
  const ObjectSender sender(flags.send);
  if (std::filesystem::exists(flags.output) && !flags.overwrite)
    throw Error(flags.output.string(), "is there already", "give another --output, or --overwrite");
  const dicom::FoundSeries found = series_of(flags);
  const auto labels = dicom::labels_on_series(read_label_file(flags.labels), found.series, flags.labels.string());
  const dicom::ObjectOptions options = object_options(flags.object, dicom::unnamed_values(labels));
  write_object(labels, found.series, options, flags.object.type.value_or(dicom::ObjectType::binary), flags.output);
  log::info(
      fmt::format("{}: {} labels on {} slices", flags.output.string(), options.segments.size(), found.series.shape[0]));
  sender.send(flags.output);
}

}  // namespace

void add_dicom_seg(CLI::App& program) {
  add_command<DicomSegFlags>(program, dicom_seg_command, run);
}

}  // namespace nnunet::app
