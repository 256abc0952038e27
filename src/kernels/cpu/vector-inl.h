// The widest float vector of one instruction set, and what the loops need of it. Included inside the namespace of the
// set with NNUNET_WIDTH set; the surrounding pragma has switched the compiler to that set.

inline constexpr int kWidth = NNUNET_WIDTH;
inline constexpr int kParts = 16 / kWidth;  ///< vectors of a block of channels

using V = float __attribute__((vector_size(NNUNET_WIDTH * 4), may_alias));
using Words = std::uint32_t __attribute__((vector_size(NNUNET_WIDTH * 4), may_alias));
using Halves = std::uint16_t __attribute__((vector_size(NNUNET_WIDTH * 2), may_alias));

NNUNET_INLINE V load(const float* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
NNUNET_INLINE V load(const Bfloat16* from) {
  Halves half;
  std::memcpy(&half, from, sizeof half);
  const Words word = __builtin_convertvector(half, Words) << 16;
  V v;
  std::memcpy(&v, &word, sizeof v);
  return v;
}
NNUNET_INLINE void store(V v, float* to) {
  std::memcpy(to, &v, sizeof v);
}
NNUNET_INLINE void store(V v, Bfloat16* to) {
#if NNUNET_BF16
  const __m256bh half = _mm512_cvtneps_pbh(v);
  std::memcpy(to, &half, sizeof half);
#else
  Words word;
  std::memcpy(&word, &v, sizeof word);
  const Words rounded = word + 0x7fffu + ((word >> 16) & 1u), quiet = word | 0x400000u;
  const Halves half = __builtin_convertvector(((v != v) ? quiet : rounded) >> 16, Halves);
  std::memcpy(to, &half, sizeof half);
#endif
}
NNUNET_INLINE V broadcast(float value) {
  return value - V{};
}
