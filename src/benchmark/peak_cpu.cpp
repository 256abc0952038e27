#include "peak_cpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "nnunet/core/cpu.h"
#include "nnunet/core/parallel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define NNUNET_X86 1
#endif

// Intrinsics, and a function a vector unit, because the instruction itself is what is measured.
namespace nnunet {

namespace {

// Accumulators in flight: at least latency x units (4 x 2), few enough to stay in registers (32, or 16 before AVX-512).
constexpr int kMany = 16, kFew = 12;

/// x -> x * factor + addend in every lane of every accumulator, `rounds` times; the result keeps the compiler from
/// dropping it.
using Loop = float (*)(std::int64_t rounds, float factor, float addend);

float plain_loop(std::int64_t rounds, float factor, float addend) {
  using Vector [[gnu::vector_size(16)]] = float;
  Vector sums[kFew];
  for (int i = 0; i < kFew; ++i) sums[i] = Vector{} + static_cast<float>(i);
  const Vector f = Vector{} + factor, a = Vector{} + addend;
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = sum * f + a;
  }
  Vector all{};
  for (const auto& sum : sums) all += sum;
  return all[0] + all[3];
}

#ifdef NNUNET_X86
[[gnu::target("avx2,fma")]] float fma_256_loop(std::int64_t rounds, float factor, float addend) {
  __m256 sums[kFew];
  for (int i = 0; i < kFew; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 f = _mm256_set1_ps(factor), a = _mm256_set1_ps(addend);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, f, a);
  }
  __m256 all = _mm256_setzero_ps();
  for (const auto& sum : sums) all = _mm256_add_ps(all, sum);
  return _mm256_cvtss_f32(all);
}

[[gnu::target("avx512f")]] float fma_512_loop(std::int64_t rounds, float factor, float addend) {
  __m512 sums[kMany];
  for (int i = 0; i < kMany; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 f = _mm512_set1_ps(factor), a = _mm512_set1_ps(addend);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, f, a);
  }
  __m512 all = _mm512_setzero_ps();
  for (const auto& sum : sums) all = _mm512_add_ps(all, sum);
  return _mm512_cvtss_f32(all);
}

// sum + f0 a0 + f1 a1 in each of 16 lanes: factor and addend are the pair's second members.
[[gnu::target("avx512f,avx512bf16")]] float bf16_loop(std::int64_t rounds, float factor, float addend) {
  __m512 sums[kMany];
  for (int i = 0; i < kMany; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512bh f = _mm512_cvtne2ps_pbh(_mm512_set1_ps(factor), _mm512_set1_ps(factor));
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(addend), _mm512_set1_ps(-addend));
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, f, a);
  }
  __m512 all = _mm512_setzero_ps();
  for (const auto& sum : sums) all = _mm512_add_ps(all, sum);
  return _mm512_cvtss_f32(all);
}
#endif

struct Unit {
  Loop loop;
  double flops;  ///< a round
  const char* name;
};

Unit choose_unit([[maybe_unused]] bool bf16) {
#ifdef NNUNET_X86
  const Isa isa = chosen_isa();
  if (bf16 && isa >= Isa::avx512_bf16) return {bf16_loop, kMany * 16 * 4.0, "vdpbf16ps, 512 bits"};
  if (isa >= Isa::avx512) return {fma_512_loop, kMany * 16 * 2.0, "fp32 FMA, 512 bits"};
  if (isa >= Isa::avx2) return {fma_256_loop, kFew * 8 * 2.0, "fp32 FMA, 256 bits"};
#endif
  return {plain_loop, kFew * 4 * 2.0, "fp32 multiply-add, 128 bits"};
}

double seconds_of(const Unit& unit, std::int64_t rounds, int threads) {
  std::atomic<float> kept{0};
  const auto start = std::chrono::steady_clock::now();
  parallel_for(threads, threads, [&](std::int64_t) { kept = unit.loop(rounds, 0.999F, 0.001F); });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Peak measure_cpu_peak(bool bf16, int threads) {
  constexpr double kSeconds = 0.02;
  constexpr int kRepeats = 15;
  const Unit unit = choose_unit(bf16);
  if (threads <= 0) threads = available_cores();
  std::int64_t rounds = 1 << 16;
  while (seconds_of(unit, rounds, threads) < kSeconds) rounds *= 2;
  double best = seconds_of(unit, rounds, threads);
  for (int i = 1; i < kRepeats; ++i) best = std::min(best, seconds_of(unit, rounds, threads));
  return {unit.flops * static_cast<double>(rounds) * threads / best / 1e9,
          fmt::format("{}, {} threads", unit.name, threads)};
}

}  // namespace nnunet
