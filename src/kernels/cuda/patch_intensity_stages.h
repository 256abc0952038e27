#pragma once
#include "nnunet/data/patch_math.h"
#include "nnunet/data/power.h"
#include "noise_block.h"
#include "patch_room.h"

/// The intensity operators of nnU-Net v2's patches. A stage goes over all channels of the batch and works on those
/// whose step of its entry is its operator.
namespace nnunet::kernels::cuda {

/// What these stages have in common: kWhat, of one entry of the list.
template <ChannelOperator kWhat>
struct OnChannels {
  PatchRoom room;
  Voxels voxels;
  std::int64_t entry;

  NNUNET_HOST_DEVICE const ChannelStep& step_of(std::int64_t volume) const { return room.step(volume, entry); }
  NNUNET_HOST_DEVICE bool meets(std::int64_t volume) const { return step_of(volume).what == kWhat; }
  NNUNET_HOST_DEVICE float* values(std::int64_t volume) const { return room.channel(volume, step_of(volume).side); }
};

/// A value at a time. Change: OnChannels with start(volume), what all values need, and changed(start, value, voxel).
template <class Change>
struct Pointwise : Change {
  NNUNET_HOST_DEVICE std::int64_t items() const { return this->voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t volume = this->voxels.volume(item);
    if (!this->meets(volume)) return;
    const auto& start = this->start(volume);
    float* const x = this->values(volume);
    this->voxels.for_values(item, thread, [&](std::int32_t i, int) { x[i] = this->changed(start, x[i], i); });
  }
};

/// A value from those around it, into the channel's other place. Filter: OnChannels with value(volume, from, voxel).
template <class Filter>
struct Neighbourhood : Filter {
  NNUNET_HOST_DEVICE std::int64_t items() const { return this->voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t volume = this->voxels.volume(item);
    if (!this->meets(volume)) return;
    const std::int32_t side = this->side(volume);
    const float* const from = this->room.channel(volume, side);
    float* const to = this->room.channel(volume, 1 - side);
    this->voxels.for_values(item, thread, [&](std::int32_t i, int) { to[i] = this->value(volume, from, i); });
  }
};

struct AddNoise : OnChannels<ChannelOperator::noise> {
  NNUNET_HOST_DEVICE std::int64_t items() const { return voxels.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    const std::int64_t volume = voxels.volume(item);
    if (!meets(volume)) return;
    const ChannelStep& s = step_of(volume);
    const std::uint32_t first =
        augmenting::noise_counter(volume % room.shape.channels, voxels.chunk(item, thread), voxels.voxels);
    float noise[Voxels::kValues];
    noise_block(s.noise, first + static_cast<std::uint32_t>(Voxels::lane(thread)), noise);
    float* const x = values(volume);
    voxels.for_values(item, thread, [&](std::int32_t i, int k) { x[i] += s.strength * noise[k]; });
  }
};

/// The blur along one axis: W first, then H, then D. An axis that stays is left out.
template <int kAxis>
struct BlurChannels : OnChannels<ChannelOperator::blur> {
  NNUNET_HOST_DEVICE bool meets(std::int64_t volume) const {
    return OnChannels::meets(volume) && step_of(volume).radius[kAxis] > 0;
  }
  NNUNET_HOST_DEVICE std::int32_t side(std::int64_t volume) const {
    const ChannelStep& s = step_of(volume);
    std::int32_t side = s.side;
    for (int axis = 2; axis > kAxis; --axis)
      if (s.radius[axis] > 0) side = 1 - side;
    return side;
  }
  NNUNET_HOST_DEVICE float value(std::int64_t volume, const float* from, std::int32_t i) const {
    const ChannelStep& s = step_of(volume);
    const float* weights = room.table<float>(s);
    for (int axis = 0; axis < kAxis; ++axis) weights += s.radius[axis] + 1;
    const Voxels::Place at = voxels.place(i);
    const std::int32_t place = kAxis == 2 ? at.w : kAxis == 1 ? at.h : at.d;
    const std::int64_t stride = kAxis == 2 ? 1 : kAxis == 1 ? voxels.width : voxels.width * voxels.height;
    const float* const line = from + i - place * stride;
    return augmenting::filtered(weights, s.radius[kAxis], [&](int k) {
      return line[augmenting::mirrored(place + k, room.shape.size[kAxis]) * stride];
    });
  }
};

struct LinearChange : OnChannels<ChannelOperator::linear> {
  NNUNET_HOST_DEVICE const ChannelStep& start(std::int64_t volume) const { return step_of(volume); }
  NNUNET_HOST_DEVICE static float changed(const ChannelStep& s, float x, std::int32_t) {
    return x * s.strength + s.shift;
  }
};

/// Range and sums of pieces of the channels that meet an operator, before it.
template <ChannelOperator kWhat>
struct MomentPieces : OnChannels<kWhat> {
  NNUNET_HOST_DEVICE std::int64_t pieces() const { return PatchRoom::moment_pieces(this->room.shape); }
  NNUNET_HOST_DEVICE std::int64_t items() const { return this->voxels.volumes * pieces(); }
  NNUNET_HOST_DEVICE int steps() const { return 1 + kJoins; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    const std::int64_t volume = item / pieces();
    if (!this->meets(volume)) return;
    const float* const x = this->values(volume);
    sum_up(number, item, thread, memory, static_cast<double>(x[0]), [&](std::int64_t i) { return x[i]; });
  }

 protected:
  /// value(voxel) is asked for once.
  template <class Value>
  NNUNET_HOST_DEVICE void sum_up(int number, std::int64_t item, int thread, void* memory, double from,
                                 const Value& value) const {
    auto* const shared = static_cast<MomentSums*>(memory);
    if (number > 0) {
      join(number - 1, thread, shared);
      if (number == kJoins && thread == 0) this->room.partial[item] = shared[0];
      return;
    }
    MomentSums sums = MomentSums::nothing();
    for (std::int64_t i = item % pieces() * kThreads + thread; i < this->voxels.voxels; i += pieces() * kThreads)
      sums.see(value(i), from);
    shared[thread] = sums;
  }
};

/// Each channel's moments from its pieces'. kPowers: of gamma's powers, whose sums are of the powers themselves.
template <ChannelOperator kWhat, bool kPowers = false>
struct MomentTotals : OnChannels<kWhat> {
  NNUNET_HOST_DEVICE std::int64_t items() const { return this->voxels.volumes; }
  NNUNET_HOST_DEVICE int steps() const { return 1 + kJoins; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t volume, int thread, void* memory) const {
    if (!this->meets(volume)) return;
    auto* const shared = static_cast<MomentSums*>(memory);
    if (number > 0) {
      join(number - 1, thread, shared);
      if (number == kJoins && thread == 0)
        (kPowers ? this->room.powers : this->room.before)[volume] =
            moments(shared[0], kPowers ? 0.0 : static_cast<double>(this->values(volume)[0]));
      return;
    }
    const std::int64_t pieces = PatchRoom::moment_pieces(this->room.shape);
    MomentSums sums = MomentSums::nothing();
    for (std::int64_t i = thread; i < pieces; i += kThreads) sums.add(this->room.partial[volume * pieces + i]);
    shared[thread] = sums;
  }

 private:
  NNUNET_HOST_DEVICE ChannelMoments moments(const MomentSums& sums, double from) const {
    const auto n = static_cast<double>(this->voxels.voxels);
    const double squares = sums.squares - sums.sum * sums.sum / n;
    return {sums.least, sums.most, from + sums.sum / n, n > 1 && squares > 0 ? std::sqrt(squares / (n - 1)) : 0.0};
  }
};

struct StretchContrast : OnChannels<ChannelOperator::contrast> {
  struct Start {
    float mean, factor, least, most;
  };
  NNUNET_HOST_DEVICE Start start(std::int64_t volume) const {
    const ChannelMoments& before = room.before[volume];
    const ChannelStep& s = step_of(volume);
    return {static_cast<float>(before.mean), s.strength, s.keep_range ? before.least : -INFINITY,
            s.keep_range ? before.most : INFINITY};
  }
  NNUNET_HOST_DEVICE static float changed(const Start& s, float x, std::int32_t) {
    const float v = (x - s.mean) * s.factor + s.mean;
    const float above = v < s.least ? s.least : v;
    return above > s.most ? s.most : above;
  }
};

/// Low resolution.
struct Coarsen : OnChannels<ChannelOperator::low_resolution> {
  NNUNET_HOST_DEVICE std::int32_t side(std::int64_t volume) const { return step_of(volume).side; }
  NNUNET_HOST_DEVICE float value(std::int64_t volume, const float* from, std::int32_t i) const {
    const Voxels::Place at = voxels.place(i);
    const auto* const taps = room.table<augmenting::CoarseTaps>(step_of(volume));
    const augmenting::CoarseTaps &z = taps[at.d], &y = taps[room.shape.size[0] + at.h];
    const augmenting::CoarseTaps& x = taps[room.shape.size[0] + voxels.height + at.w];
    const auto row = [&](std::int32_t d, std::int32_t h) {
      const float* const v = from + voxels.index({d, h, 0});
      return v[x.low] * x.low_weight + v[x.high] * x.high_weight;
    };
    const auto plane = [&](std::int32_t d) { return row(d, y.low) * y.low_weight + row(d, y.high) * y.high_weight; };
    return plane(z.low) * z.low_weight + plane(z.high) * z.high_weight;
  }
};

/// Gamma's powers in place of the values, and their sums.
struct RaisePieces : MomentPieces<ChannelOperator::gamma> {
  static constexpr float kLeastRange = 1e-7F;

  NNUNET_HOST_DEVICE void step(int number, std::int64_t item, int thread, void* memory) const {
    const std::int64_t volume = item / pieces();
    if (!meets(volume)) return;
    const ChannelStep& s = step_of(volume);
    const ChannelMoments& before = room.before[volume];
    const float slope = (s.inverted ? -1.0F : 1.0F) / larger(before.most - before.least, kLeastRange);
    const float origin = s.inverted ? before.most : before.least;
    const Exponent exponent(s.strength);
    float* const x = values(volume);
    sum_up(number, item, thread, memory, 0, [&](std::int64_t i) {
      x[i] = power((x[i] - origin) * slope, exponent);
      return x[i];
    });
  }
};

/// From gamma's powers to values of the mean and deviation before.
struct RestoreMoments : OnChannels<ChannelOperator::gamma> {
  struct Start {
    float scale, shift;
  };
  NNUNET_HOST_DEVICE Start start(std::int64_t volume) const {
    const ChannelMoments &before = room.before[volume], &powers = room.powers[volume];
    const auto range = static_cast<double>(before.most - before.least);
    const double spread = powers.deviation * range, least = static_cast<double>(RaisePieces::kLeastRange);
    const double sign = step_of(volume).inverted ? -1 : 1;
    const double scale = range * sign * before.deviation / (spread > least ? spread : least);
    return {static_cast<float>(scale), static_cast<float>(before.mean - powers.mean * scale)};
  }
  NNUNET_HOST_DEVICE static float changed(const Start& s, float x, std::int32_t) { return x * s.scale + s.shift; }
};

/// The number below which there are as many values of the window as the median asks for, bit by bit.
struct Median : OnChannels<ChannelOperator::median> {
  NNUNET_HOST_DEVICE std::int32_t side(std::int64_t volume) const { return step_of(volume).side; }
  NNUNET_HOST_DEVICE float value(std::int64_t volume, const float* from, std::int32_t i) const {
    const Voxels::Place at = voxels.place(i);
    const std::int32_t edge = step_of(volume).count;
    const std::int64_t* const size = room.shape.size;
    const std::int32_t window[3] = {size[0] > 1 ? edge : 1, size[1] > 1 ? edge : 1, size[2] > 1 ? edge : 1};
    const std::int32_t wanted = window[0] * window[1] * window[2] / 2;
    const auto neighbour = [&](std::int32_t place, std::int32_t k, int axis) {
      return augmenting::reflected(place + k - window[axis] / 2, size[axis]);
    };
    const auto count_below = [&](std::uint32_t number) {
      std::int32_t count = 0;
      for (std::int32_t z = 0; z < window[0]; ++z)
        for (std::int32_t y = 0; y < window[1]; ++y) {
          const float* const row = from + (neighbour(at.d, z, 0) * size[1] + neighbour(at.h, y, 1)) * size[2];
          for (std::int32_t x = 0; x < window[2]; ++x)
            count += augmenting::ordered_bits(row[neighbour(at.w, x, 2)]) < number ? 1 : 0;
        }
      return count;
    };
    std::uint32_t median = 0;
    for (std::uint32_t bit = 0x80000000U; bit != 0; bit >>= 1)
      if (count_below(median | bit) <= wanted) median |= bit;
    return augmenting::ordered_float(median);
  }
};

/// The blank boxes of a channel, one after the other, by one block.
struct BlankBoxes : OnChannels<ChannelOperator::blank_boxes> {
  struct Sum {
    double value;
    NNUNET_HOST_DEVICE void add(const Sum& other) { value += other.value; }
  };
  static constexpr int kStepsOfABox = kJoins + 2;

  NNUNET_HOST_DEVICE std::int64_t items() const { return voxels.volumes; }
  NNUNET_HOST_DEVICE int steps() const { return room.batch.most_boxes * kStepsOfABox; }
  NNUNET_HOST_DEVICE void step(int number, std::int64_t volume, int thread, void* memory) const {
    if (!meets(volume) || number / kStepsOfABox >= step_of(volume).count) return;
    const BlankBox& box = room.table<BlankBox>(step_of(volume))[number / kStepsOfABox];
    auto* const shared = static_cast<Sum*>(memory);
    float* const x = values(volume);
    const int part = number % kStepsOfABox;
    if (part == 0) {
      Sum sum{0};
      for_each(box, thread, [&](std::int64_t i) { sum.value += static_cast<double>(x[i]); });
      shared[thread] = sum;
    } else if (part <= kJoins) {
      join(part - 1, thread, shared);
    } else {
      const auto mean = static_cast<float>(shared[0].value / static_cast<double>(count(box)));
      for_each(box, thread, [&](std::int64_t i) { x[i] = mean; });
    }
  }

 private:
  NNUNET_HOST_DEVICE static std::int64_t count(const BlankBox& box) {
    return static_cast<std::int64_t>(box.size[0]) * box.size[1] * box.size[2];
  }
  template <class Body>
  NNUNET_HOST_DEVICE void for_each(const BlankBox& box, int thread, const Body& body) const {
    for (std::int64_t k = thread; k < count(box); k += kThreads) {
      const auto i = static_cast<std::int32_t>(k);
      const std::int32_t row = i / box.size[2];
      body(voxels.index(
          {box.start[0] + row / box.size[1], box.start[1] + row % box.size[1], box.start[2] + i % box.size[2]}));
    }
  }
};

/// A bump's weight at a voxel.
NNUNET_HOST_DEVICE inline float bump_at(const PatchRoom& room, const ChannelStep& s, const Voxels::Place& at) {
  const float* const factors = room.table<float>(s);
  const std::int64_t* const size = room.shape.size;
  const float along = augmenting::rounded_product(factors[at.d], factors[size[0] + at.h]);
  return augmenting::bump_weight(along, factors[size[0] + size[1] + at.w], s.least, s.scale);
}

struct AddGradient : OnChannels<ChannelOperator::gradient> {
  NNUNET_HOST_DEVICE const ChannelStep& start(std::int64_t volume) const { return step_of(volume); }
  NNUNET_HOST_DEVICE float changed(const ChannelStep& s, float x, std::int32_t i) const {
    return x + bump_at(room, s, voxels.place(i));
  }
};

struct BlendGamma : OnChannels<ChannelOperator::local_gamma> {
  struct Start {
    const ChannelStep& step;
    float origin, range;
    Exponent exponent;
  };
  NNUNET_HOST_DEVICE Start start(std::int64_t volume) const {
    const ChannelMoments& before = room.before[volume];
    const ChannelStep& s = step_of(volume);
    return {s, before.least, larger(before.most - before.least, 1e-8F), Exponent(s.strength)};
  }
  NNUNET_HOST_DEVICE float changed(const Start& s, float x, std::int32_t i) const {
    const float weight = bump_at(room, s.step, voxels.place(i)), t = (x - s.origin) / s.range;
    return (t * (1.0F - weight) + power(t, s.exponent) * weight) * s.range + s.origin;
  }
};

struct Sharpen : OnChannels<ChannelOperator::sharpening> {
  NNUNET_HOST_DEVICE std::int32_t side(std::int64_t volume) const { return step_of(volume).side; }
  NNUNET_HOST_DEVICE float value(std::int64_t volume, const float* from, std::int32_t i) const {
    const Voxels::Place at = voxels.place(i);
    const auto depth = static_cast<std::int32_t>(room.shape.size[0]);
    const std::int32_t row = voxels.width, plane = voxels.width * voxels.height;
    const auto both = [&](std::int32_t place, std::int32_t n, std::int32_t stride) {
      return from[place > 0 ? i - stride : i] + from[place + 1 < n ? i + stride : i];
    };
    const float beside = both(at.w, voxels.width, 1) + both(at.h, voxels.height, row) + both(at.d, depth, plane);
    return from[i] + step_of(volume).strength * (6.0F * from[i] - beside);
  }
};

}  // namespace nnunet::kernels::cuda
