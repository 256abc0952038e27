#include "nnunet/benchmark/benchmark.h"

#include "modes.h"
#include "nnunet/core/error.h"
#include "nnunet/core/job.h"

namespace nnunet {

BenchmarkReport run_benchmark(const BenchmarkOptions& o) {
  if (job_place().size > 1 && o.mode != "train")
    throw Error("--mode", "only training is measured over several processes", "use one");
  if (o.mode == "train") return benchmark_training(o);
  if (o.mode == "predict") return benchmark_prediction(o);
  if (o.mode == "augment" || o.mode == "augment_v2") return benchmark_augmentation(o);
  if (o.mode == "preprocess") return benchmark_preprocessing(o);
  if (o.mode == "export") return benchmark_export(o);
  throw Error("--mode", "unknown mode \"" + o.mode + "\"",
              "choose train, predict, preprocess, augment, augment_v2 or export");
}

}  // namespace nnunet
