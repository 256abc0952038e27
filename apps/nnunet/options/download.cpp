#include "download.h"

#include "shared_options.h"

namespace nnunet::app {

Command download_command(DownloadOptions& o) {
  return {
      .name = "download",
      .summary = "Fetch a dataset of the Medical Segmentation Decathlon (medicaldecathlon.com)",
      .description = "It is unpacked as RESULTS/TaskNN_Name. Default address: " + msd_archive("04").url +
                     " and its like, checked by MD5. A transfer that\nbroke off is continued when the command is run "
                     "again. Tasks 01 to 10 take 0.03 to 30 GB, twice that while unpacking.",
      .groups = {{"",
                  {
                      task(o.task).described("Task to download: 01 to 10 (needed unless --url is given)"),
                      results_folder(o.results).described("Folder that the dataset is put in"),
                      url(o.url).described(
                          "Another http or https address of a .tar or .tar.gz archive with dataset.json in it"),
                      option("--sha256", o.sha256, "Refuse the archive unless this is its SHA-256"),
                      option("--keep_archive", o.keep_archive, "Keep the archive after unpacking")
                          .from("Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, 2022"),
                  }}},
      .examples = {{.line = "nnunet download --task 04 --results data",
                    .says = "Hippocampus, 27 MB",
                    .not_run = "it fetches from the network"}},
  };
}

}  // namespace nnunet::app
