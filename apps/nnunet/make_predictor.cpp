#include "make_predictor.h"

#include <omp.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "torch_door.h"

namespace nnunet::app {

void check_model_flags(const ModelFlags& flags) {
  if (flags.ckpt_path.empty())
    throw Error("--ckpt_path", "no checkpoint is given",
                "name the checkpoint of a trained network, such as RESULTS/checkpoints/best.ckpt");
  if (flags.compute.gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
  go_where_network_runs(flags.compute.engine, flags.compute.gpus);
}

Predictor make_predictor(const ModelFlags& flags, const DataConfig* config, const JobPlace& place) {
  const ComputeOptions& compute = flags.compute;
  const SlidingOptions& windows = flags.windows;
  const Device device = choose_engine_device(compute.engine, compute.gpus, engines_here(), place);
  if (place.local_size > 1) omp_set_num_threads(std::min(omp_get_max_threads(), cores_for(place)));
  const PredictorOptions options{windows.overlap, windows.blend,  windows.val_batch_size,
                                 windows.tta,     compute.engine, engines_here()};
  Predictor predictor(flags.ckpt_path, {config, flags.network}, options, device,
                      choose_precision(compute.amp, compute.precision, device));
  log::info("engine: " + predictor.engine());
  return predictor;
}

}  // namespace nnunet::app
