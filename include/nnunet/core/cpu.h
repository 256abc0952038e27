#pragma once
#include <string>
#include <string_view>

namespace nnunet {

/// The vector units that our loops are compiled for, each with everything that the ones before it have: what every
/// processor of the family has (SSE2 on x86-64, NEON on 64-bit ARM); AVX2 with FMA (x86-64-v3); AVX-512 (x86-64-v4);
/// AVX-512 that also multiplies bfloat16.
enum class Isa { portable, avx2, avx512, avx512_bf16 };

/// "portable", "avx2", "avx512", "avx512_bf16".
std::string_view isa_name(Isa isa);

/// The most that this processor and its operating system have.
Isa processor_isa();

/// What our loops use: the processor's, or less by the environment variable NNUNET_ISA (a name as above), which is read
/// once. Throws Error when it names what this processor does not have or what nobody knows.
Isa chosen_isa();

/// The same from a value of NNUNET_ISA (empty: not set) and what the processor has.
Isa choose_isa(std::string_view wanted, Isa processor);

/// As the operating system calls the processor: "AMD EPYC 9354"; "unknown" where it does not say.
std::string processor_name();

}  // namespace nnunet
