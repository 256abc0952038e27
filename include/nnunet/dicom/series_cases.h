#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nnunet/dicom/find_series.h"
#include "nnunet/io/image_case.h"

/// DICOM series as images to segment.
namespace nnunet::dicom {

/// Whether INPUT is DICOM: a zip, a file of DICOM, or a folder without images of the format that has DICOM in it or
/// below. Throws Error for a folder that cannot be opened.
bool is_dicom_input(const std::filesystem::path& input, const ImageFormat& format);

/// Warns where a folder of images has DICOM files among them, which nobody will look at.
void warn_of_dicom_beside_images(const std::filesystem::path& input, const ImageFormat& format);

/// How whoever asks for a series names it, and where warnings go.
struct ChoiceTerms {
  std::string parameter = "--dicom_series";
  std::string remedy =
      "name those to segment with --dicom_series, or give --dicom_series all";  ///< of several without a choice
  std::string listed = "see what the command nnunet dicom says of it";  ///< where it stands which series there are
  std::function<void(const std::string&)> warn = {};                    ///< empty: the log
  bool takes_all = true;                                                ///< whether "all" chooses every one
};

/// Series by their UIDs; "all" alone: every one that can be read, where the terms take it. Without any: the only one
/// there is. Warns of what is left out, and of what is unusual about those that are taken. input: for messages. Throws
/// Error: no series, several and none chosen (with a list of them), a UID that is not there, one that cannot be read.
std::vector<FoundSeries> choose_series(Finding finding, const std::filesystem::path& input,
                                       const std::vector<std::string>& uids, const ChoiceTerms& terms = {});

/// Throws Error where a file to be written is one of those that the series is made from.
void protect_sources(const FoundSeries& found, const std::filesystem::path& file);

/// Cases whose names are the series' UIDs. For networks of several channels the series are these channels, in their
/// order, and make one case, which has the first one's name. Throws Error for another number of series than channels,
/// or 1 of more.
std::vector<ImageCase> series_cases(const std::vector<FoundSeries>& series, int channels);

/// Images of the format as label maps of DICOM series are written: NIfTI, with the model's reader where it takes that.
ImageFormat series_format(const ImageFormat& format);

/// A table of the series, what is wrong with or unusual about each, and which files are in none.
std::string finding_text(const Finding& finding);

}  // namespace nnunet::dicom
