#pragma once
#include <string>

namespace nnunet {

/// The highest rate of multiply-adds that a loop over registers alone reaches, two operations each.
struct Peak {
  double gflops = 0;
  std::string how;  ///< the instruction, and on how many threads
};

/// Runs the loop on `threads` threads at once (0: all cores), several times for some 20 ms, and takes the fastest:
/// other programs can only slow it down. bf16: AVX-512's dot product of pairs (vdpbf16ps) where the processor has it,
/// else as for fp32: fused multiply-adds of the widest vectors. AMX is not used: where a network runs on it, it can
/// reach more than this peak.
Peak measure_cpu_peak(bool bf16, int threads = 0);

}  // namespace nnunet
