// nnunet dicom-seg: a label map as a DICOM object.
#include "options/dicom_seg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "commands.h"
#include "dicom_objects.h"
#include "hold_signals.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/label_grid.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/io/atomic_file.h"
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

void protect_inputs(const DicomSegFlags& flags) {
  for (const std::filesystem::path& input : {flags.labels, flags.object.labels_json})
    if (std::error_code absent; std::filesystem::equivalent(flags.output, input, absent))
      throw Error(flags.output.string(), "is an input and would be overwritten", "give another --output");
}

void write(const DicomSegFlags& flags) {
  const auto held = hold_signals(flags.series);
  const dicom::FoundSeries found = series_of(flags);
  dicom::protect_sources(found, flags.output);
  const auto labels = dicom::labels_on_series(read_label_file(flags.labels), found.series, flags.labels.string());
  if (std::ranges::all_of(labels.values, [](std::uint16_t value) { return value == 0; }))
    log::warn(flags.labels.string() + ": has no labels, only 0: the object marks nothing");
  dicom::ObjectOptions options = object_options(flags.object, dicom::unnamed_values(labels));
  options.labels_name = flags.labels.string();
  write_object(labels, found.series, options, flags.object.type.value_or(dicom::ObjectType::binary), flags.output);
  log::info(
      fmt::format("{}: {} labels on {} slices", flags.output.string(), options.segments.size(), found.series.shape[0]));
}

void run(const DicomSegFlags& flags) {
  const ObjectSender sender(flags.send);
  require_writable_file(flags.output);
  if (std::filesystem::exists(flags.output) && !flags.overwrite)
    throw Error(flags.output.string(), "is there already", "give another --output, or --overwrite");
  protect_inputs(flags);
  write(flags);
  sender.send(flags.output);
}

}  // namespace

void add_dicom_seg(CLI::App& program) {
  add_command<DicomSegFlags>(program, dicom_seg_command, run);
}

}  // namespace nnunet::app
