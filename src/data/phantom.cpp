#include "nnunet/data/phantom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <system_error>

#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"
#include "nnunet/io/atomic_file.h"
#include "phantom_scene.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

// Streams of a case's random numbers.
enum : std::uint32_t { kScanner, kAnatomy, kNoise };

CounterRng random_numbers(std::uint64_t seed, std::uint32_t number, std::uint32_t stream) {
  return {seed, 0, number, stream};
}

// The grid: the field of view, about 44 x 50 x 40 mm, cut into voxels of that case's own size.
Geometry draw_geometry(CounterRng& rng) {
  constexpr Spacing3 kView = {44, 50.4, 40}, kSpacing = {1.1, 0.9, 1.0};
  constexpr Shape3 kLeast = {36, 52, 36}, kMost = {44, 60, 44};
  Geometry geometry;
  std::array<double, 3> sign{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto spacing = static_cast<float>(kSpacing[axis]) * rng.uniform(0.91F, 1.09F);
    const double view = kView[axis] * static_cast<double>(rng.uniform(0.96F, 1.04F));
    geometry.spacing[axis] = static_cast<double>(spacing);
    geometry.shape[axis] = std::clamp(std::llround(view / geometry.spacing[axis]), static_cast<long long>(kLeast[axis]),
                                      static_cast<long long>(kMost[axis]));
    sign[axis] = axis > 0 && rng.coin(0.5F) ? -1 : 1;  // R-A-S, L-P-S and their mixtures
  }
  for (std::size_t row = 0; row < 3; ++row) {  // x, y, z
    const std::size_t axis = 2 - row;
    geometry.affine[row][row] = sign[axis] * geometry.spacing[axis];
    const double half = 0.5 * static_cast<double>(geometry.shape[axis] - 1);
    geometry.affine[row][3] = std::round(rng.uniform(-50, 50)) - half * geometry.affine[row][row];
  }
  geometry.affine[3][3] = 1;
  return geometry;
}

// What the scanner does to the picture of the scene.
class Scanner {
 public:
  explicit Scanner(CounterRng& rng)
      : gain_(static_cast<double>(rng.uniform(600, 1000))), noise_(rng.uniform(0.045F, 0.075F)) {
    for (auto& wave : field_) {
      for (double& k : wave.direction) k = static_cast<double>(rng.uniform(-0.06F, 0.06F));
      wave.phase = static_cast<double>(rng.uniform(0, 2 * std::numbers::pi_v<float>));
    }
    for (std::size_t i = 0; i < 6; ++i) blank_[i] = rng.coin(0.25F) ? 1 + rng.integer(2) : 0;
  }

  /// Voxels outside the scanned part are exactly 0.
  bool blank(const Shape3& at, const Shape3& shape) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (at[axis] < blank_[2 * axis] || at[axis] >= shape[axis] - blank_[2 * axis + 1]) return true;
    }
    return false;
  }

  float seen(double brightness, const Point& point, CounterRng& rng) const {
    double log_field = 0;
    for (const auto& wave : field_) {
      const auto& k = wave.direction;
      log_field += 0.12 * std::sin(k[0] * point[0] + k[1] * point[1] + k[2] * point[2] + wave.phase);
    }
    const double signal = brightness * std::exp(log_field);
    const double real = signal + static_cast<double>(noise_ * rng.normal());
    const double imaginary = static_cast<double>(noise_ * rng.normal());
    return static_cast<float>(std::max(1.0, std::round(gain_ * std::hypot(real, imaginary))));
  }

 private:
  struct Wave {
    Point direction{};
    double phase = 0;
  };
  double gain_;
  float noise_;
  std::array<Wave, 3> field_{};
  std::array<std::int64_t, 6> blank_{};
};

Point position(const Geometry& geometry, const Shape3& at, const Point& offset) {
  Point point{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double centre = 0.5 * static_cast<double>(geometry.shape[axis] - 1);
    point[axis] = (static_cast<double>(at[axis]) + offset[axis] - centre) * geometry.spacing[axis];
  }
  return point;
}

// Mean brightness over eight points of the voxel (partial volume), and the class of its middle.
Tissue voxel(const PhantomScene& scene, const Geometry& geometry, const Shape3& at) {
  Tissue tissue;
  for (unsigned i = 0; i < 8; ++i) {
    const Point corner = {i & 4U ? 0.25 : -0.25, i & 2U ? 0.25 : -0.25, i & 1U ? 0.25 : -0.25};
    tissue.brightness += scene.at(position(geometry, at, corner)).brightness / 8;
  }
  tissue.label = scene.at(position(geometry, at, {0, 0, 0})).label;
  return tissue;
}

nlohmann::ordered_json recipe(const PhantomOptions& options) {
  return {{"cases", options.cases}, {"test_cases", options.test_cases}, {"seed", options.seed}};
}

std::string case_name(int number) {
  return fmt::format("phantom_{:03}", number + 1);
}

std::string dataset_json(const PhantomOptions& options) {
  nlohmann::ordered_json json = {{"name", "Phantom"},
                                 {"description", "Synthetic volumes made by nnunet phantom"},
                                 {"tensorImageSize", "3D"},
                                 {"modality", {{"0", "MRI"}}},
                                 {"labels", {{"0", "background"}, {"1", "lobe"}, {"2", "node"}, {"3", "tube"}}},
                                 {"numTraining", options.cases},
                                 {"numTest", options.test_cases},
                                 {"phantom", recipe(options)},
                                 {"training", nlohmann::ordered_json::array()},
                                 {"test", nlohmann::ordered_json::array()}};
  for (int i = 0; i < options.cases; ++i) {
    json["training"].push_back({{"image", fmt::format("./imagesTr/{}.nii.gz", case_name(i))},
                                {"label", fmt::format("./labelsTr/{}.nii.gz", case_name(i))}});
  }
  for (int i = options.cases; i < options.cases + options.test_cases; ++i) {
    json["test"].push_back(fmt::format("./imagesTs/{}.nii.gz", case_name(i)));
  }
  return json.dump(2) + "\n";
}

// True when the folder already holds this phantom (whole or in part), false when it is free.
bool holds_phantom(const fs::path& folder, const PhantomOptions& options) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored) || fs::is_empty(folder, ignored)) return false;
  if (!fs::exists(folder / "dataset.json", ignored)) {
    throw Error(folder.string(), "the folder exists and is no phantom", "choose another --output");
  }
  const auto json = nlohmann::json::parse(read_text(folder / "dataset.json"), nullptr, false);
  if (!json.is_object() || !json.contains("phantom")) {
    throw Error(folder.string(), "the folder holds a dataset that is no phantom", "choose another --output");
  }
  if (json["phantom"] != nlohmann::json(recipe(options))) {
    throw Error(folder.string(), "the folder holds a phantom made with other options: " + json["phantom"].dump(),
                "remove it or choose another --output");
  }
  return true;
}

void check(const PhantomOptions& options) {
  if (options.cases < 1 || options.cases > 100000) {
    throw Error("--cases", fmt::format("{} training cases", options.cases), "use 1 to 100000");
  }
  if (options.test_cases < 0 || options.test_cases > 100000) {
    throw Error("--test_cases", fmt::format("{} test cases", options.test_cases), "use 0 to 100000");
  }
}

}  // namespace

PhantomCase make_phantom_case(std::uint64_t seed, std::uint32_t number) {
  CounterRng scanner_rng = random_numbers(seed, number, kScanner), anatomy = random_numbers(seed, number, kAnatomy);
  CounterRng noise = random_numbers(seed, number, kNoise);
  const Geometry geometry = draw_geometry(scanner_rng);
  const Scanner scanner(scanner_rng);
  const PhantomScene scene(anatomy);

  const Shape3 shape = geometry.shape;
  PhantomCase made{{Array<float>({1, shape[0], shape[1], shape[2]}), geometry},
                   {Array<std::uint8_t>({shape[0], shape[1], shape[2]}), geometry}};
  std::size_t i = 0;
  for (std::int64_t d = 0; d < shape[0]; ++d) {
    for (std::int64_t h = 0; h < shape[1]; ++h) {
      for (std::int64_t w = 0; w < shape[2]; ++w, ++i) {
        const Shape3 at = {d, h, w};
        if (scanner.blank(at, shape)) continue;
        const Tissue tissue = voxel(scene, geometry, at);
        made.image.voxels.values[i] = scanner.seen(tissue.brightness, position(geometry, at, {0, 0, 0}), noise);
        made.label.voxels.values[i] = tissue.label;
      }
    }
  }
  return made;
}

fs::path write_phantom(const PhantomOptions& options) {
  check(options);
  const fs::path folder = options.output / "Task99_Phantom";
  if (!holds_phantom(folder, options)) write_text(folder / "dataset.json", dataset_json(options));

  parallel_for(options.cases + options.test_cases, options.threads, [&](std::int64_t i) {
    const std::string ending = i < options.cases ? "Tr" : "Ts";
    const std::string file = case_name(static_cast<int>(i)) + ".nii.gz";
    const fs::path image = folder / ("images" + ending) / file, label = folder / ("labels" + ending) / file;
    if (fs::exists(image) && fs::exists(label)) return;
    const PhantomCase made = make_phantom_case(options.seed, static_cast<std::uint32_t>(i));
    write_image(image, made.image);
    write_label_map(label, made.label);
  });
  return folder;
}

}  // namespace nnunet
