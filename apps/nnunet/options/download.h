#pragma once
#include "command.h"
#include "nnunet/download/download.h"

namespace nnunet::app {

Command download_command(DownloadOptions& options);

}  // namespace nnunet::app
