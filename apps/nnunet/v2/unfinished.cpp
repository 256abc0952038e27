#include "nnunet/core/error.h"
#include "v2/commands.h"
namespace nnunet::app {
int run_v2_overlay(const V2OverlayFlags&) {
  throw Error("v2", "is not built yet");
}
}  // namespace nnunet::app
