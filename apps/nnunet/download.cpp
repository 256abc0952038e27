// nnunet download: a dataset of the Medical Segmentation Decathlon.
#include <cstdio>
#include <memory>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/download/download.h"
#include "nnunet/io/names.h"

namespace nnunet::app {

void add_download(CLI::App& program) {
  CLI::App* command = program.add_subcommand("download",
                                             "Fetch a dataset of the Medical Segmentation Decathlon "
                                             "(medicaldecathlon.com) and unpack it as RESULTS/TaskNN_Name.\n"
                                             "Default address: " +
                                                 msd_archive("04").url +
                                                 " and its like, checked by MD5. A transfer that\n"
                                                 "broke off is continued when the command is run again. Tasks 01 to 10 "
                                                 "take 0.03 to 30 GB, twice that while unpacking.");
  auto options = std::make_shared<DownloadOptions>();
  command->add_option("--task", options->task, "Task to download: 01 to 10 (needed unless --url is given)");
  command->add_option("--results", options->results, "Folder that the dataset is put in")->capture_default_str();
  command->add_option("--url", options->url,
                      "Another http or https address of a .tar or .tar.gz archive with dataset.json in it");
  command->add_option("--sha256", options->sha256, "Refuse the archive unless this is its SHA-256");
  command->add_flag("--keep_archive", options->keep_archive, "Keep the archive after unpacking");
  command->callback([options] {
    if (options->task.empty() && options->url.empty())
      throw Error("download", "neither --task nor --url is given", "give --task 01 to 10");
    require_folder_name(options->results, "--results");
    std::printf("%s\n", download_dataset(*options).string().c_str());
  });
}

}  // namespace nnunet::app
