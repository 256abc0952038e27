// nnUNetv2_install_pretrained_model_from_zip, nnUNetv2_download_pretrained_model_by_url.
#include <functional>

#include "nnunet/download/download.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/model_zip.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

int install(const fs::path& zip) {
  const int files = v2::install_model_from_zip(zip, v2::results_folder());
  log::info(fmt::format("{} files in {}", files, v2::results_folder().string()));
  return 0;
}

}  // namespace

int run_v2_install(const V2InstallFlags& flags) {
  return install(flags.zip);
}

int run_v2_download(const V2DownloadFlags& flags) {
  // Beside the models, named by the address: a transfer that breaks off is continued by the next call.
  const fs::path file =
      v2::results_folder() / fmt::format(".download_{:016x}.zip", std::hash<std::string>{}(flags.url));
  fs::create_directories(v2::results_folder());
  fetch(flags.url, file);
  try {
    install(file);
  } catch (...) {
    fs::remove(file);
    throw;
  }
  fs::remove(file);
  return 0;
}

}  // namespace nnunet::app
