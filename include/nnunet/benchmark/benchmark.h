#pragma once
#include "nnunet/benchmark/options.h"
#include "nnunet/benchmark/report.h"

namespace nnunet {

/// Measures one part of the system:
///   train       optimisation steps (Adam) on centre crops of the fold's training cases, repeated, no augmentation
///   predict     the bare forward on such patches
///   augment     the loader with augmentation, no network
///   augment_v2  the same with nnU-Net v2's sampling and augmentation
///   preprocess  a raw dataset
///   export      what follows the network: logits to a label map file on the original grid
/// Those up to augment_v2 run one warm pass, then one whose batches are timed from start to start, loader included; the
/// first `warmup` of them do not count. train and predict also give FLOP/s, their share of the machine's peak, and the
/// time spent waiting for data. With profile the first two then trace a few further steps into RESULTS/trace.json.
/// Nothing is written but that: see save_report. Throws Error for options that do not fit.
BenchmarkReport run_benchmark(const BenchmarkOptions& options);

}  // namespace nnunet
