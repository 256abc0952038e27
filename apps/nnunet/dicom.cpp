// nnunet dicom: the series of a folder or zip, and these as NIfTI.
#include "options/dicom.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "commands.h"
#include "hold_signals.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/dicom/series_cases.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/image_case.h"
#include "options/parser.h"
#include "run_program.h"

namespace nnunet::app {
namespace {

void list(const dicom::Finding& finding, const std::filesystem::path& input) {
  const std::string text = dicom::finding_text(finding);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (text.empty()) throw Error(input.string(), "holds no files", "give the folder or zip of a study");
  if (finding.series.empty())
    throw Error(input.string(), "holds no DICOM series of images", "see what was found above");
}

void write(dicom::Finding finding, const DicomFlags& flags) {
  const auto series = dicom::choose_series(std::move(finding), flags.input, flags.series);
  const ImageFormat nifti;
  protect_inputs(dicom::series_cases(series, 1), flags.input, flags.output, nifti);
  require_writable_folder(flags.output);
  const auto file_of = [&](const dicom::FoundSeries& found) { return flags.output / (found.name() + ".nii.gz"); };
  for (const dicom::FoundSeries& found : series)
    if (const auto file = file_of(found); !flags.overwrite && std::filesystem::exists(file))
      throw Error(file.string(), "is there already", "give another --output, or --overwrite");
  std::size_t failed = 0;
  for (const dicom::FoundSeries& found : series) {
    const std::filesystem::path file = file_of(found);
    try {
      write_image(file, dicom::read_series(found));
      fmt::print("{}\n", file.string());
    } catch (const Error& e) {
      log::error(e.what());
      ++failed;
    }
  }
  if (failed > 0)
    throw Error("dicom", fmt::format("{} of {} series failed", failed, series.size()), "see the messages above");
}

void run(const DicomFlags& flags) {
  if (flags.input.empty()) end_for_missing("path");
  const auto held = hold_signals(flags.input);
  dicom::Finding finding = dicom::find_series(flags.input);
  if (flags.output.empty())
    list(finding, flags.input);
  else
    write(std::move(finding), flags);
}

}  // namespace

void add_dicom(CLI::App& program) {
  add_command<DicomFlags>(program, dicom_command, run);
}

}  // namespace nnunet::app
