#include <benchmark/benchmark.h>

#include <torch/torch.h>

#include "nnunet/kernels/aligned.h"
#include "nnunet/kernels/winograd.h"

// Stride-1 convolutions of the hippocampus networks (3D batch 2, 2D batch 64) by Winograd's algorithm, with the norm of
// the layer before taken on load and the moments for the next on store, beside torch's convolution alone. Items are
// operations of the definition, 2 a product, so that rates above the processor's peak are possible.
namespace nnunet::kernels {
namespace {

struct Layer {
  std::int64_t n, inputs, outputs, d, h, w;
  int kernel_d;
};
constexpr Layer kLayers[] = {{2, 32, 32, 40, 56, 40, 3},  {2, 64, 32, 40, 56, 40, 3},   {2, 64, 64, 20, 28, 20, 3},
                             {2, 128, 64, 20, 28, 20, 3}, {2, 128, 128, 10, 14, 10, 3}, {2, 256, 128, 10, 14, 10, 3},
                             {2, 256, 256, 5, 7, 5, 3},   {64, 32, 32, 1, 56, 40, 1},   {64, 64, 32, 1, 56, 40, 1},
                             {64, 128, 64, 1, 28, 20, 1}, {64, 256, 128, 1, 14, 10, 1}, {64, 256, 256, 1, 7, 5, 1}};

void count(benchmark::State& state, const Layer& l) {
  state.SetItemsProcessed(state.iterations() * 2 * l.n * l.d * l.h * l.w * l.inputs * l.outputs * l.kernel_d * 9);
  state.SetLabel(fmt::format("{} x {} x {}x{}x{} -> {}", l.n, l.inputs, l.d, l.h, l.w, l.outputs));
}

template <class T>
Blocked<T> activations(const Layer& l, std::int64_t channels, AlignedBytes& memory) {
  Blocked<T> x{nullptr, l.n, channels, l.d, l.h, l.w};
  memory = AlignedBytes(x.size() * static_cast<std::int64_t>(sizeof(T)));
  x.data = memory.as<T>();
  const torch::Tensor values = torch::randn({x.size()});
  for (std::int64_t i = 0; i < x.size(); ++i) from_float(values.const_data_ptr<float>()[i], x.data[i]);
  return x;
}

template <class T>
struct Setting {
  AlignedBytes memory_x, memory_y, workspace;
  WinogradShape shape;
  Input<T> x;
  Output<T> y;
  std::vector<float> scale, shift, weights;
  std::vector<Moments> moments;
  int threads = torch::get_num_threads();

  explicit Setting(const Layer& l)
      : shape{{l.inputs, 0}, {l.outputs, 0}, l.kernel_d},
        scale(static_cast<std::size_t>(l.n * l.inputs), 1.0f),
        shift(scale.size()),
        weights(static_cast<std::size_t>(l.outputs * l.inputs * l.kernel_d * 9), 0.01f),
        moments(static_cast<std::size_t>(l.n * l.outputs)) {
    x.first = {activations<T>(l, l.inputs, memory_x), scale.data(), shift.data(), 0.01f};
    y.y = activations<T>(l, l.outputs, memory_y);
    y.moments = moments.data();
  }
};

template <class T>
void forward(benchmark::State& state) {
  const Layer& l = kLayers[state.range(0)];
  Setting<T> s(l);
  WinogradConv<T> conv(s.shape, winograd_plan(s.shape, {l.d, l.h, l.w}, sizeof(T) == 2));
  conv.set_weights(s.weights.data());
  s.workspace = AlignedBytes(conv.workspace(s.x, s.threads));
  for (auto _ : state) conv.run(s.x, {&s.y, 1}, s.threads, s.workspace.data());
  count(state, l);
}

template <class T>
void gradient(benchmark::State& state) {
  const Layer& l = kLayers[state.range(0)];
  Setting<T> s(l);
  const WinogradGradient<T> by_weights(s.shape);
  s.workspace = AlignedBytes(by_weights.workspace(s.x, s.threads));
  Input<T> dy;
  dy.first.x = s.y.y;
  for (auto _ : state) by_weights.run(s.x, dy, s.weights.data(), s.threads, s.workspace.data());
  count(state, l);
}

void torch_forward(benchmark::State& state, torch::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const Layer& l = kLayers[state.range(0)];
  const torch::Tensor x = torch::randn({l.n, l.inputs, l.d, l.h, l.w}).to(type),
                      w = torch::randn({l.outputs, l.inputs, l.kernel_d, 3, 3}).to(type);
  const bool flat = l.kernel_d == 1;
  for (auto _ : state) {
    const torch::Tensor y = flat ? torch::conv2d(x.squeeze(2), w.squeeze(2), {}, 1, 1) : torch::conv3d(x, w, {}, 1, 1);
    benchmark::DoNotOptimize(y.const_data_ptr());
  }
  count(state, l);
}

void layers(benchmark::internal::Benchmark* b) {
  b->DenseRange(0, std::size(kLayers) - 1)->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(forward<float>)->Apply(layers);
BENCHMARK_CAPTURE(torch_forward, fp32, torch::kFloat)->Apply(layers);
BENCHMARK(forward<Bfloat16>)->Apply(layers);
BENCHMARK_CAPTURE(torch_forward, bf16, torch::kBFloat16)->Apply(layers);
BENCHMARK(gradient<float>)->Apply(layers);
BENCHMARK(gradient<Bfloat16>)->Apply(layers);

}  // namespace
}  // namespace nnunet::kernels
