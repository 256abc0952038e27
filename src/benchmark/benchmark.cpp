#include "nnunet/benchmark/benchmark.h"

#include "modes.h"
#include "nnunet/core/error.h"

namespace nnunet {

BenchmarkReport run_benchmark(const BenchmarkOptions& o) {
  if (o.gpus > 1) throw Error("--gpus", "measuring several GPUs is not there yet", "use --gpus 1");
  if (o.mode == "train") return benchmark_training(o);
  if (o.mode == "predict") return benchmark_prediction(o);
  if (o.mode == "augment") return benchmark_augmentation(o);
  if (o.mode == "preprocess") return benchmark_preprocessing(o);
  if (o.mode == "export") return benchmark_export(o);
  throw Error("--mode", "unknown mode \"" + o.mode + "\"", "choose train, predict, preprocess, augment or export");
}

}  // namespace nnunet
