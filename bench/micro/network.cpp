#include <fmt/format.h>
#include <omp.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <chrono>
#include <ctime>
#include <map>
#include <random>

#include "nnunet/core/cpu.h"
#include "nnunet/native/native_network.h"
#include "nnunet/plan/flops.h"

// A whole forward of networks as nnU-Net v2 plans them, random weights: the processor's time for each step and its
// rate. Operations are those of the definition, 2 a product, so that rates above the processor's peak are possible.
namespace nnunet {
namespace {

using Sizes = std::vector<std::int64_t>;

struct Subject {
  NetworkPlan plan;
  Sizes patch;
};

/// Strides of 2 between levels, kernels of 3.
Subject subject(const Sizes& filters, const Sizes& patch, int n_class) {
  Subject s;
  NetworkPlan& p = s.plan;
  p.dim = static_cast<int>(patch.size());
  p.n_class = n_class;
  p.filters = filters;
  p.conv_bias = true;
  p.deep_supervision = false;
  p.decoder_kernel = DecoderKernel::own;
  p.naming = Naming::nnunet_v2;
  for (std::size_t level = 0; level < filters.size(); ++level) {
    p.kernels.emplace_back(patch.size(), 3);
    p.strides.emplace_back(patch.size(), level == 0 ? 1 : 2);
  }
  p.encoder_blocks.assign(filters.size(), 2);
  p.decoder_blocks.assign(filters.size() - 1, 2);
  s.patch = patch;
  return s;
}

Subject resenc_l() {
  Subject s = subject({32, 64, 128, 256, 320, 320}, {128, 160, 112}, 3);
  s.plan.residual = s.plan.stem = true;
  s.plan.shortcut = Shortcut::pooling;
  s.plan.encoder_blocks = {1, 3, 4, 6, 6, 6};
  s.plan.decoder_blocks.assign(5, 1);
  s.plan.strides.back() = {2, 2, 1};
  return s;
}

/// A thick-sliced one: no stride along the slices at first.
Subject anisotropic() {
  Subject s = subject({32, 64, 128, 256, 320, 320, 320}, {20, 320, 256}, 4);
  for (const std::size_t level : {0, 1}) s.plan.kernels[level] = {1, 3, 3};
  for (const std::size_t level : {1, 2, 5, 6}) s.plan.strides[level] = {1, 2, 2};
  return s;
}

const std::map<std::string, Subject>& subjects() {
  static const std::map<std::string, Subject> all{
      {"hippocampus", subject({32, 64, 128, 256}, {40, 56, 40}, 3)},
      {"resenc_l", resenc_l()},
      {"flat", subject({32, 64, 128, 256, 512, 512, 512, 512}, {512, 512}, 3)},
      {"ct118", subject({16, 32, 64, 128, 128, 128}, {128, 128, 128}, 118)},
      {"anisotropic", anisotropic()}};
  return all;
}

std::vector<float> random_numbers(std::int64_t count, float scale, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = uniform(random);
  return values;
}

std::int64_t product(const Sizes& sizes) {
  std::int64_t result = 1;
  for (const auto s : sizes) result *= s;
  return result;
}

/// Of the whole process, all threads together.
double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Tells logits apart (FNV-1a): the same digits after a change of the kernels.
std::uint64_t digest(const std::vector<float>& values) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const float value : values) hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 1099511628211ULL;
  return hash;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Row {
  std::string what;
  double flops = 0;
  std::vector<double> seconds;
};

std::string describe(const GraphNode& node, const Sizes& from, const Sizes& to) {
  const char* kinds[] = {"conv", "up", "norm", "activation", "add", "concat", "pool"};
  return fmt::format("{:<10} {:>3} -> {:<3} {} stride {}  {} -> {}", kinds[static_cast<int>(node.kind)],
                     node.in_channels, node.channels, fmt::join(node.kernel, "x"), fmt::join(node.stride, "x"),
                     fmt::join(from, "x"), fmt::join(to, "x"));
}

struct Options {
  std::string name;
  bool bf16 = false, steps = false, large_tiles = false;
  std::int64_t batch = 1;
  int repeat = 5;
};

int measure(const Options& o) {
  const Subject& s = subjects().at(o.name);
  const NetworkGraph graph = network_graph(s.plan).finest();
  const std::vector<Sizes> sizes = value_sizes(graph, s.patch);
  NativeOptions options;
  options.bf16 = o.bf16;
  options.large_tiles = o.large_tiles;
  NativeNetwork network(s.plan, graph, o.batch, s.patch, options);

  std::mt19937 random(1);
  std::map<std::string, std::vector<float>> memory;
  ParameterValues parameters;
  for (const auto& p : network_parameters(graph, s.plan.naming)) {
    const std::int64_t count = product(p.shape), inputs = std::max<std::int64_t>(count / p.shape[0], 1);
    parameters[p.name] =
        (memory[p.name] = random_numbers(count, 1.7F / std::sqrt(static_cast<float>(inputs)), random)).data();
  }
  const double before_weights = processor_seconds();
  network.set_parameters(parameters);
  const double weights = processor_seconds() - before_weights;
  memory.clear();

  const std::vector<float> images = random_numbers(o.batch * s.plan.in_channels * product(s.patch), 1, random);
  std::vector<float> logits(static_cast<std::size_t>(o.batch * s.plan.n_class * product(s.patch)));
  std::map<const GraphNode*, std::size_t> rows_of;
  std::vector<Row> rows;
  double since = 0;
  if (o.steps)
    network.watch([&](const GraphNode& node) {
      const double now = processor_seconds(), seconds = now - since;
      since = now;
      const auto [at, added] = rows_of.try_emplace(&node, rows.size());
      if (added) rows.emplace_back();
      rows[at->second].seconds.push_back(seconds);
      if (!added) return;
      const auto value =
          static_cast<std::size_t>(std::ranges::find(graph.nodes, node.name, &GraphNode::name) - graph.nodes.begin());
      const Sizes &from = sizes[node.inputs.front()], &to = sizes[value + 1];
      rows[at->second].what = describe(node, from, to);
      if (node.convolves())
        rows[at->second].flops = 2.0 * static_cast<double>(o.batch * product(weight_shape(node)) *
                                                           product(node.kind == GraphNode::Kind::conv ? to : from));
    });
  std::vector<double> wall, processor;
  for (int i = 0; i <= o.repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double used = since = processor_seconds();
    network.forward(images.data(), {logits.data()});
    if (i == 0) {  // warms up
      for (Row& row : rows) row.seconds.clear();
      continue;
    }
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    processor.push_back(processor_seconds() - used);
  }

  for (const Row& row : rows) {
    const double t = median(row.seconds);
    fmt::print("{:<72} {:9.3f} ms", row.what, t * 1e3);
    if (row.flops > 0) fmt::print(" {:8.1f} GFLOP/s", row.flops / t * 1e-9);
    fmt::print("\n");
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double flops = count_flops(s.plan, s.patch).forward * static_cast<double>(o.batch);
  fmt::print(
      "{} {} {} batch {} threads {}: wall {:.3f} ms, processor {:.3f} ms (weights {:.0f}), {:.1f} GFLOP/s, network "
      "{:.1f} MiB, peak "
      "{:.1f} MiB, digest {:016x}\n",
      o.name, o.bf16 ? "bf16" : "fp32", isa_name(options.isa), o.batch, omp_get_max_threads(), median(wall) * 1e3,
      median(processor) * 1e3, weights * 1e3, flops / median(wall) * 1e-9,
      static_cast<double>(network.bytes()) / 1048576.0, static_cast<double>(usage.ru_maxrss) / 1024.0, digest(logits));
  return 0;
}

}  // namespace
}  // namespace nnunet

int main(int argc, char** argv) {
  nnunet::Options options;
  CLI::App app("Times a forward pass of a network as nnU-Net v2 plans it, with random weights.");
  std::vector<std::string> names;
  for (const auto& [name, subject] : nnunet::subjects()) names.push_back(name);
  app.add_option("network", options.name)->required()->check(CLI::IsMember(names));
  app.add_flag("--amp", options.bf16, "bf16");
  app.add_flag("--large-tiles", options.large_tiles, "see NativeOptions");
  app.add_flag("--steps", options.steps, "a line for each step");
  app.add_option("--batch", options.batch)->check(CLI::PositiveNumber);
  app.add_option("--repeat", options.repeat)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  return nnunet::measure(options);
}
