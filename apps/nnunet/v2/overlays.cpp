// nnUNetv2_plot_overlay_pngs.
#include "nnunet/core/error.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/overlay.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {

int run_v2_overlay(const V2OverlayFlags& flags) {
  if (!flags.use_raw)
    throw Error("nnUNetv2_plot_overlay_pngs", "preprocessed cases of nnU-Net v2 (.b2nd) cannot be read yet",
                "add --use_raw to draw the raw images");
  return exit_code(v2::plot_raw_overlays({v2::dataset_name(flags.dataset), flags.output, flags.channel, flags.intensity,
                                          v2::case_threads(flags.threads)}));
}

}  // namespace nnunet::app
