// nnUNetv2_plot_overlay_pngs.
#include "nnunet/v2/environment.h"
#include "nnunet/v2/overlay.h"
#include "v2/commands.h"
#include "v2/exit_code.h"

namespace nnunet::app {

int run_v2_overlay(const V2OverlayFlags& flags) {
  const v2::OverlayOptions options{v2::dataset_name(flags.dataset), flags.output, flags.channel, flags.intensity,
                                   v2::case_threads(flags.threads)};
  return exit_code(flags.use_raw ? v2::plot_raw_overlays(options)
                                 : v2::plot_preprocessed_overlays(options, flags.plans, flags.configuration));
}

}  // namespace nnunet::app
