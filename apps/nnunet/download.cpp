// nnunet download: a dataset of the Medical Segmentation Decathlon.
#include "options/download.h"

#include <cstdio>

#include "commands.h"
#include "nnunet/core/error.h"
#include "options/parser.h"

namespace nnunet::app {

void add_download(CLI::App& program) {
  add_command<DownloadOptions>(program, download_command, [](const DownloadOptions& options) {
    if (options.task.empty() && options.url.empty())
      throw Error("download", "neither --task nor --url is given", "give --task 01 to 10");
    std::printf("%s\n", download_dataset(options).string().c_str());
  });
}

}  // namespace nnunet::app
