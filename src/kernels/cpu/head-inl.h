// The loops of the convolution that makes logits; see head.h. Included by direct-inl.h.

/// One of the two registers in which `a` and `b` alternate element by element.
template <bool kUpper, int... I>
INLINE V alternate(V a, V b, std::integer_sequence<int, I...>) {
  constexpr int kFrom = kUpper ? kWidth / 2 : 0;
  return __builtin_shufflevector(a, b, (kFrom + I / 2 + I % 2 * kWidth)...);
}

/// `count` voxels of 32-bit lanes, kLanes each, to lanes of `pitch` voxels. Reads and writes whole registers.
template <int kLanes>
void turn(const void* voxels, float* to, std::int64_t count, std::int64_t pitch) {
  // kWidth voxels at a time of as many lanes as fit. A step moves the highest bit of an element's place (register, then
  // element in it) to the lowest; after as many steps as a voxel's number has bits, registers are lanes.
  constexpr int kTaken = kLanes < kWidth ? kLanes : kWidth, kSteps = kWidth == 16 ? 4 : (kWidth == 8 ? 3 : 2);
  using Order = std::make_integer_sequence<int, kWidth>;
  const auto* const from = static_cast<const float*>(voxels);
  for (std::int64_t voxel = 0; voxel < count; voxel += kWidth)
    for (int lane = 0; lane < kLanes; lane += kTaken) {
      V v[kTaken], moved[kTaken];
#pragma GCC unroll 16
      for (int r = 0; r < kTaken; ++r)
        v[r] = load(from + voxel * kLanes + lane + r * (kTaken < kWidth ? kWidth : kLanes));
#pragma GCC unroll 4
      for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 8
        for (int r = 0; r < kTaken / 2; ++r) {
          moved[2 * r] = alternate<false>(v[r], v[r + kTaken / 2], Order());
          moved[2 * r + 1] = alternate<true>(v[r], v[r + kTaken / 2], Order());
        }
#pragma GCC unroll 16
        for (int r = 0; r < kTaken; ++r) v[r] = moved[r];
      }
#pragma GCC unroll 16
      for (int r = 0; r < kTaken; ++r) store(v[r], to + (lane + r) * pitch + voxel);
    }
}

/// kClasses rows of logits over kVectors registers of voxels at a time.
template <int kClasses, int kVectors, bool kPairs>
void head_rows(const HeadTile& t) {
  for (std::int64_t voxel = 0; voxel < t.count; voxel += kVectors * kWidth) {
    V sum[kClasses][kVectors];
#pragma GCC unroll 16
    for (int k = 0; k < kClasses; ++k)
#pragma GCC unroll 8
      for (int n = 0; n < kVectors; ++n) sum[k][n] = V{};
    const float *w = t.weights, *x = t.x + voxel;
    for (std::int64_t lane = 0; lane < t.lanes; ++lane, w += kClasses, x += t.x_step) {
      V value[kVectors];
#pragma GCC unroll 8
      for (int n = 0; n < kVectors; ++n) value[n] = load(x + n * kWidth);
#pragma GCC unroll 16
      for (int k = 0; k < kClasses; ++k) {
        std::uint32_t word;
        std::memcpy(&word, w + k, sizeof word);
        const V weight = reinterpret_cast<V>(word - Words{});
#pragma GCC unroll 8
        for (int n = 0; n < kVectors; ++n) sum[k][n] = multiply<kPairs>(value[n], weight, sum[k][n]);
      }
    }
#pragma GCC unroll 16
    for (int k = 0; k < kClasses; ++k) {
      const V bias = all(t.bias != nullptr ? t.bias[k] : 0.0F);
#pragma GCC unroll 8
      for (int n = 0; n < kVectors; ++n) store(sum[k][n] + bias, t.to + k * t.to_step + voxel + n * kWidth);
    }
  }
}

constexpr int kHeadClasses = kWidth == 16 ? 12 : 6;
/// As many sums as hide the multiplication's latency and fit into the registers beside a weight and the values.
constexpr int head_vectors(int classes) {
  if (kWidth < 16) return classes <= 3 ? 4 : 2;
  return classes <= 3 ? 8 : (classes <= 6 ? 4 : 2);
}

template <bool kPairs, int... kCount>
DirectKernels::Head head_of(int classes, std::integer_sequence<int, kCount...>) {
  static constexpr DirectKernels::Head rows[] = {head_rows<kCount + 1, head_vectors(kCount + 1), kPairs>...};
  return rows[classes - 1];
}
template <bool kPairs>
DirectKernels::Head head_of(int classes) {
  return head_of<kPairs>(classes, std::make_integer_sequence<int, kHeadClasses>());
}
