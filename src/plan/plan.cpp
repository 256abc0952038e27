#include "nnunet/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "enum_names.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {

namespace {

using Sizes = std::vector<std::int64_t>;

/// Axes whose spacing exceeds the finest by more than this are neither convolved over nor halved yet (contract, section
/// 3).
constexpr double kMaxRatio = 2.0;
constexpr std::int64_t kFirstFilters = 32, kMaxFilters2d = 512, kMaxFilters3d = 320;

/// The last patch.size() spacings; checks both.
std::vector<double> spacing_of_patch(const Sizes& patch, const std::vector<double>& spacing) {
  if (patch.size() != 2 && patch.size() != 3)
    throw Error("patch size", fmt::format("{} sizes given", patch.size()), "give three sizes in 3D and two in 2D");
  for (const auto size : patch)
    if (size < 1)
      throw Error("patch size", fmt::format("{} is not positive", shape_text(patch)), "give sizes of 1 or more");
  if (spacing.size() < patch.size())
    throw Error("spacing", fmt::format("{} values for a patch of {} axes", spacing.size(), patch.size()),
                "give one value an axis");
  std::vector<double> used(spacing.end() - static_cast<std::ptrdiff_t>(patch.size()), spacing.end());
  for (const double value : used)
    if (!std::isfinite(value) || value <= 0)
      throw Error("spacing", fmt::format("{} mm is not a positive number", value), "give spacings in mm");
  return used;
}

void check_options(const NetworkOptions& options) {
  if (options.min_fmap < 1)
    throw Error("--min_fmap", fmt::format("{} is not positive", options.min_fmap), "give a size of 1 or more");
  if (options.depth < 1)
    throw Error("--depth", fmt::format("{} is not positive", options.depth), "give 1 level or more");
}

Sizes default_filters(std::size_t levels, int dim) {
  const std::int64_t largest = dim == 3 ? kMaxFilters3d : kMaxFilters2d;
  Sizes filters(levels);
  std::int64_t next = kFirstFilters;
  for (auto& count : filters) {
    count = std::min(next, largest);
    next = std::min(next * 2, largest);
  }
  return filters;
}

void check_patch_fits(const Sizes& patch, const NetworkPlan& plan) {
  const Sizes multiple = total_stride(plan);
  for (std::size_t axis = 0; axis < patch.size(); ++axis)
    if (patch[axis] % multiple[axis] != 0)
      throw Error("patch size",
                  fmt::format("{} cannot be reached again on the way up of the network: its strides multiply to {}",
                              shape_text(patch), shape_text(multiple)),
                  fmt::format("choose multiples of {}, or another --depth or --min_fmap", shape_text(multiple)));
}

}  // namespace

Norm norm_from_name(const std::string& name) {
  if (name == "instance") return Norm::instance;
  if (name == "batch") return Norm::batch;
  if (name == "group") return Norm::group;
  throw Error("--norm", fmt::format("unknown normalisation \"{}\"", name), "choose instance, batch or group");
}

std::string norm_name(Norm norm) {
  switch (norm) {
    case Norm::batch:
      return "batch";
    case Norm::group:
      return "group";
    case Norm::instance:
      break;
  }
  return "instance";
}

NetworkPlan make_network_plan(const Sizes& patch, const std::vector<double>& spacing, int in_channels, int n_class,
                              const NetworkOptions& options) {
  std::vector<double> spacings = spacing_of_patch(patch, spacing);
  check_options(options);
  const std::size_t axes = patch.size();

  NetworkPlan plan;
  plan.dim = static_cast<int>(axes);
  plan.in_channels = in_channels;
  plan.n_class = n_class;
  plan.norm = options.norm;
  plan.residual = options.residual;
  plan.negative_slope = options.negative_slope;
  plan.strides.emplace_back(axes, 1);

  std::vector<double> sizes(patch.begin(), patch.end());  // fractions are kept
  for (int level = 0; level < options.depth; ++level) {
    const double finest = *std::min_element(spacings.begin(), spacings.end());
    Sizes stride(axes), kernel(axes);
    for (std::size_t axis = 0; axis < axes; ++axis) {
      const bool fine = spacings[axis] / finest <= kMaxRatio;
      stride[axis] = fine && sizes[axis] >= 2.0 * static_cast<double>(options.min_fmap) ? 2 : 1;
      kernel[axis] = fine ? 3 : 1;
    }
    if (std::all_of(stride.begin(), stride.end(), [](auto s) { return s == 1; })) break;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      sizes[axis] /= static_cast<double>(stride[axis]);
      spacings[axis] *= static_cast<double>(stride[axis]);
    }
    plan.strides.push_back(std::move(stride));
    plan.kernels.push_back(std::move(kernel));
  }
  plan.kernels.emplace_back(axes, 3);

  const std::size_t levels = plan.strides.size();
  if (levels < 2)
    throw Error("patch size", fmt::format("{} is too small: no axis can be halved", shape_text(patch)),
                fmt::format("use {} voxels or more along the axes of the finest spacing", 2 * options.min_fmap));
  plan.filters = options.filters.empty() ? default_filters(levels, plan.dim) : options.filters;
  if (plan.filters.size() != levels)
    throw Error("--filters", fmt::format("{} numbers for a network of {} levels", plan.filters.size(), levels),
                "give one number a level");
  check_network_plan(plan, "network");
  check_patch_fits(patch, plan);
  return plan;
}

Sizes total_stride(const NetworkPlan& plan) {
  Sizes product(static_cast<std::size_t>(plan.dim), 1);
  for (const Sizes& stride : plan.strides)
    for (std::size_t axis = 0; axis < product.size(); ++axis) product[axis] *= stride[axis];
  return product;
}

namespace {

/// The counts of blocks, and what goes together.
template <class Require>
void check_blocks(const NetworkPlan& plan, const Require& require) {
  const std::size_t levels = plan.filters.size();
  const auto counts = [&](const Sizes& blocks, std::size_t expected, const char* what) {
    require(blocks.empty() || blocks.size() == expected,
            fmt::format("{} numbers of blocks in the {}, {} are needed", blocks.size(), what, expected));
    for (const std::int64_t count : blocks)
      require(count >= 1 && count <= 64, fmt::format("{} blocks in a level of the {}", count, what));
  };
  counts(plan.encoder_blocks, levels, "encoder");
  counts(plan.decoder_blocks, levels - 1, "decoder");
  require(plan.residual || !plan.stem, "a stem belongs to a residual encoder");
  require(!plan.residual_decoder || plan.naming == Naming::nnunet_v2,
          "the reference system has no names for residual blocks in the decoder");
  const bool one_block = std::ranges::all_of(plan.encoder_blocks, [](auto n) { return n == 1; });
  require(plan.naming == Naming::nnunet_v2 || ((one_block || !plan.residual) && !plan.stem && !plan.deep_supervision),
          "the reference system has no names for several residual blocks a level, a stem or more than one head");
}

}  // namespace

void check_network_plan(const NetworkPlan& plan, const std::string& name) {
  const auto require = [&name](bool fine, const std::string& problem) {
    if (!fine) throw Error(name, problem, "check the options or the file that describe the network");
  };
  require(plan.dim == 2 || plan.dim == 3, fmt::format("a network of {} dimensions", plan.dim));
  require(plan.in_channels >= 1, fmt::format("{} input channels", plan.in_channels));
  // nnU-Net v2's regions have a head each and no background.
  require(plan.n_class >= (plan.naming == Naming::nnunet_v2 ? 1 : 2),
          fmt::format("{} classes (background included), at least 2 are needed", plan.n_class));
  require(std::isfinite(plan.negative_slope), "the negative slope is not a number");
  const std::size_t levels = plan.filters.size();
  require(levels >= 2 && levels <= 32, fmt::format("{} levels, between 2 and 32 are possible", levels));
  require(plan.kernels.size() == levels && plan.strides.size() == levels,
          fmt::format("{} kernels, {} strides and {} numbers of filters", plan.kernels.size(), plan.strides.size(),
                      levels));
  for (std::size_t level = 0; level < levels; ++level) {
    const Sizes &kernel = plan.kernels[level], &stride = plan.strides[level];
    const auto axes = static_cast<std::size_t>(plan.dim);
    require(kernel.size() == axes && stride.size() == axes, fmt::format("level {} has not {} axes", level, plan.dim));
    for (std::size_t axis = 0; axis < axes; ++axis) {
      require(kernel[axis] >= 1 && kernel[axis] <= 63 && kernel[axis] % 2 == 1,
              fmt::format("a kernel of size {}, odd sizes up to 63 are possible", kernel[axis]));
      require(stride[axis] == 1 || (stride[axis] == 2 && level > 0),
              fmt::format("a stride of {} in level {}", stride[axis], level));
    }
    require(plan.filters[level] >= 1 && plan.filters[level] <= 65536, fmt::format("{} filters", plan.filters[level]));
    require(
        plan.norm != Norm::group || plan.filters[level] % kNormGroups == 0,
        fmt::format("{} filters are no multiple of the {} groups of --norm group", plan.filters[level], kNormGroups));
  }
  check_blocks(plan, require);
}

namespace {

constexpr EnumNames<Shortcut, 2> kShortcuts{{{Shortcut::convolution, "convolution"}, {Shortcut::pooling, "pooling"}}};
constexpr EnumNames<DecoderKernel, 2> kDecoderKernels{{{DecoderKernel::below, "below"}, {DecoderKernel::own, "own"}}};
constexpr EnumNames<Naming, 2> kNamings{{{Naming::reference, "reference"}, {Naming::nnunet_v2, "nnunet_v2"}}};

/// Absent: as it is.
template <class Enum, std::size_t kCount>
void read_name(const nlohmann::json& json, const char* key, const EnumNames<Enum, kCount>& names, Enum& value,
               const std::string& subject) {
  if (!json.contains(key)) return;
  const auto text = json[key].get<std::string>();
  const std::optional<Enum> known = value_of(names, text);
  if (!known)
    throw Error(subject, fmt::format("the network's \"{}\" is \"{}\", which is not known", key, text),
                "use a newer version of this program");
  value = *known;
}

/// An entry that is ignored might say that the network is another one.
void refuse_unknown(const nlohmann::json& json, const std::string& subject) {
  constexpr std::array<std::string_view, 18> known{"dim",
                                                   "in_channels",
                                                   "n_class",
                                                   "kernels",
                                                   "strides",
                                                   "filters",
                                                   "norm",
                                                   "residual",
                                                   "negative_slope",
                                                   "stem",
                                                   "conv_bias",
                                                   "encoder_blocks",
                                                   "decoder_blocks",
                                                   "deep_supervision",
                                                   "shortcut",
                                                   "decoder_kernel",
                                                   "naming",
                                                   "residual_decoder"};
  for (const auto& [key, value] : json.items())
    if (std::ranges::find(known, key) == known.end())
      throw Error(subject, fmt::format("the network's \"{}\" is not known", key),
                  "use a newer version of this program");
}

template <class T>
void read_if(const nlohmann::json& json, const char* key, T& value) {
  if (json.contains(key)) json[key].get_to(value);
}

}  // namespace

// What has its default is left out, so that files of the reference system's networks stay readable for older versions.
nlohmann::json plan_to_json(const NetworkPlan& plan) {
  nlohmann::json json{{"dim", plan.dim},
                      {"in_channels", plan.in_channels},
                      {"n_class", plan.n_class},
                      {"kernels", plan.kernels},
                      {"strides", plan.strides},
                      {"filters", plan.filters},
                      {"norm", norm_name(plan.norm)},
                      {"residual", plan.residual},
                      {"negative_slope", plan.negative_slope}};
  const NetworkPlan usual;
  const auto add = [&](const char* key, const auto& value, bool is_usual) {
    if (!is_usual) json[key] = value;
  };
  add("encoder_blocks", plan.encoder_blocks, plan.encoder_blocks == usual.encoder_blocks);
  add("decoder_blocks", plan.decoder_blocks, plan.decoder_blocks == usual.decoder_blocks);
  add("residual_decoder", plan.residual_decoder, plan.residual_decoder == usual.residual_decoder);
  add("stem", plan.stem, plan.stem == usual.stem);
  add("conv_bias", plan.conv_bias, plan.conv_bias == usual.conv_bias);
  add("deep_supervision", plan.deep_supervision, plan.deep_supervision == usual.deep_supervision);
  add("shortcut", name_of(kShortcuts, plan.shortcut), plan.shortcut == usual.shortcut);
  add("decoder_kernel", name_of(kDecoderKernels, plan.decoder_kernel), plan.decoder_kernel == usual.decoder_kernel);
  add("naming", name_of(kNamings, plan.naming), plan.naming == usual.naming);
  return json;
}

NetworkPlan plan_from_json(const nlohmann::json& json, const std::string& name) {
  NetworkPlan plan;
  try {
    json.at("dim").get_to(plan.dim);
    json.at("in_channels").get_to(plan.in_channels);
    json.at("n_class").get_to(plan.n_class);
    json.at("kernels").get_to(plan.kernels);
    json.at("strides").get_to(plan.strides);
    json.at("filters").get_to(plan.filters);
    plan.norm = norm_from_name(json.at("norm").get<std::string>());
    json.at("residual").get_to(plan.residual);
    json.at("negative_slope").get_to(plan.negative_slope);
    read_if(json, "encoder_blocks", plan.encoder_blocks);
    read_if(json, "decoder_blocks", plan.decoder_blocks);
    read_if(json, "residual_decoder", plan.residual_decoder);
    read_if(json, "stem", plan.stem);
    read_if(json, "conv_bias", plan.conv_bias);
    read_if(json, "deep_supervision", plan.deep_supervision);
    read_name(json, "shortcut", kShortcuts, plan.shortcut, name);
    read_name(json, "decoder_kernel", kDecoderKernels, plan.decoder_kernel, name);
    read_name(json, "naming", kNamings, plan.naming, name);
    refuse_unknown(json, name);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(name, fmt::format("the description of the network is broken ({})", problem.what()),
                "make the file again");
  }
  check_network_plan(plan, name);
  return plan;
}

}  // namespace nnunet
