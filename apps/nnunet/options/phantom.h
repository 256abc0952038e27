#pragma once
#include "command.h"
#include "nnunet/data/phantom.h"

namespace nnunet::app {

Command phantom_command(PhantomOptions& options);

}  // namespace nnunet::app
