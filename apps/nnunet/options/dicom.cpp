#include "dicom.h"

#include "shared_options.h"

namespace nnunet::app {

Command dicom_command(DicomFlags& flags) {
  return {
      .name = "dicom",
      .summary = "List the DICOM series in a folder or zip: size, spacing and what is wrong; or write them as NIfTI",
      .groups = {{"",
                  {
                      option("path", flags.input, "Folder, zip or file"),
                      output(flags.output)
                          .described("Folder for <series UID>.nii.gz, of several volumes <series UID>-1.nii.gz, ..: "
                                     "the images that nnunet predict segments, float32")
                          .made_as_folder(),
                      dicom_series(flags.series)
                          .described("With --output: UIDs of the series to write (UID-1, UID-2, ..: volumes of one "
                                     "that holds several), or all"),
                      overwrite(flags.overwrite).described("With --output: replace images that are there"),
                  }}},
      .notes = "Nothing that names a patient is read or shown.",
      .examples = {{.line = "nnunet dicom study.zip", .not_run = "needs such a study"},
                   {.line = "nnunet dicom study --output images --dicom_series all",
                    .says = "Every series as the image that the network would get",
                    .not_run = "needs such a study"}},
  };
}

}  // namespace nnunet::app
