#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nnunet/io/json_reading.h"
#include "v2_parts.h"

namespace nnunet::v2_parts {
namespace {

using nlohmann::json;
using Sizes = std::vector<std::int64_t>;

constexpr std::int64_t kMost = 65536;
constexpr std::int64_t kMostStages = 32;

/// One number for all stages, or one each.
Sizes counts(const JsonFields& arguments, const std::string& key, std::size_t stages) {
  Sizes values =
      arguments.at(key).is_number() ? Sizes(stages, arguments.whole(key, 1, kMost)) : arguments.wholes(key, 1, kMost);
  if (values.size() != stages) arguments.fail(key, fmt::format("has {} entries, {} are needed", values.size(), stages));
  return values;
}

/// One number for all stages and axes, one a stage, or one a stage and axis.
std::vector<Sizes> sizes(const JsonFields& arguments, const std::string& key, std::size_t stages, std::size_t axes) {
  if (arguments.at(key).is_number()) return {stages, Sizes(axes, arguments.whole(key, 1, kMost))};
  const json& list = arguments.list(key);
  if (list.size() != stages) arguments.fail(key, fmt::format("has {} entries, {} are needed", list.size(), stages));
  std::vector<Sizes> values;
  for (const json& item : list) {
    const json wrapped{{key, item}};
    const JsonFields stage(wrapped, arguments.name(), kRemedy, "arch_kwargs.");
    values.push_back(item.is_number() ? Sizes(axes, stage.whole(key, 1, kMost)) : stage.wholes(key, 1, kMost));
    if (values.back().size() != axes)
      arguments.fail(key, fmt::format("has an entry {}, {} axes are needed", quoted(item), axes));
  }
  return values;
}

/// The arguments of a class; an empty object where there are none.
JsonFields keyword_arguments(const JsonFields& arguments, const std::string& key, const json& none) {
  return arguments.has(key) ? arguments.object(key) : JsonFields(none, arguments.name(), kRemedy);
}

void read_norm(const JsonFields& arguments, int dim, NetworkPlan& plan) {
  const std::string text = arguments.text("norm_op");
  const std::string name = last_part(text);
  if (name == fmt::format("InstanceNorm{}d", dim))
    plan.norm = Norm::instance;
  else if (name == fmt::format("BatchNorm{}d", dim))
    plan.norm = Norm::batch;
  else
    arguments.fail("norm_op", fmt::format("is \"{}\", known are InstanceNorm{}d and BatchNorm{}d", text, dim, dim));
  const json none = json::object();
  const JsonFields own = keyword_arguments(arguments, "norm_op_kwargs", none);
  own.allow_only({"eps", "affine", "momentum", "track_running_stats"});
  if (own.has("eps") && own.real("eps") != kNormEpsilon)
    own.fail("eps", fmt::format("is {}, known is {}", own.real("eps"), kNormEpsilon));
  // An instance norm has weights only where it is asked for them, a batch norm unless it is asked not to.
  const bool batch = plan.norm == Norm::batch;
  if (!(own.has("affine") ? own.boolean("affine") : batch))
    own.fail("affine", "is not true: norms without weights are not known");
  if ((own.has("track_running_stats") ? own.boolean("track_running_stats") : batch) != batch)
    own.fail("track_running_stats", "is not as usual for this norm");
}

void read_rectifier(const JsonFields& arguments, NetworkPlan& plan) {
  const std::string text = arguments.text("nonlin");
  const json none = json::object();
  const JsonFields own = keyword_arguments(arguments, "nonlin_kwargs", none);
  if (last_part(text) == "LeakyReLU") {
    own.allow_only({"inplace", "negative_slope"});
    plan.negative_slope = own.has("negative_slope") ? own.real("negative_slope") : 0.01;
  } else if (last_part(text) == "ReLU") {
    own.allow_only({"inplace"});
    plan.negative_slope = 0;
  } else {
    arguments.fail("nonlin", fmt::format("is \"{}\", known are LeakyReLU and ReLU", text));
  }
}

/// What may stand there as long as it changes nothing.
void refuse_extras(const JsonFields& arguments, bool residual, std::int64_t first_features) {
  std::vector<std::string_view> known{"n_stages",          "features_per_stage",
                                      "conv_op",           "kernel_sizes",
                                      "strides",           "n_conv_per_stage_decoder",
                                      "conv_bias",         "norm_op",
                                      "norm_op_kwargs",    "dropout_op",
                                      "dropout_op_kwargs", "nonlin",
                                      "nonlin_kwargs",     "deep_supervision",
                                      "num_classes",       "input_channels"};
  if (residual)
    known.insert(known.end(), {"n_blocks_per_stage", "block", "bottleneck_channels", "stem_channels"});
  else
    known.insert(known.end(), {"n_conv_per_stage", "nonlin_first"});
  arguments.allow_only(known);
  if (arguments.has("dropout_op"))
    arguments.fail("dropout_op", fmt::format("is {}, only null is known", quoted(arguments.at("dropout_op"))));
  if (arguments.has("nonlin_first") && arguments.boolean("nonlin_first"))
    arguments.fail("nonlin_first", "is true: rectifiers before norms are not known");
  if (arguments.has("block") && last_part(arguments.text("block")) != "BasicBlockD")
    arguments.fail("block", fmt::format("is \"{}\", known is BasicBlockD", arguments.text("block")));
  if (arguments.has("bottleneck_channels")) arguments.fail("bottleneck_channels", "is given, only null is known");
  if (arguments.has("stem_channels") && arguments.whole("stem_channels", 1, kMost) != first_features)
    arguments.fail("stem_channels", fmt::format("is not the first stage's number of features, {}", first_features));
}

}  // namespace

NetworkPlan network(const JsonFields& configuration, int dim) {
  const JsonFields architecture = configuration.object("architecture");
  const std::string text = architecture.text("network_class_name");
  const std::string name = last_part(text);
  constexpr std::array known{"PlainConvUNet", "ResidualEncoderUNet", "ResidualUNet"};
  if (std::ranges::find(known, name) == known.end())
    architecture.fail("network_class_name",
                      fmt::format("is \"{}\", known are PlainConvUNet, ResidualEncoderUNet and ResidualUNet", text));
  const JsonFields arguments = architecture.object("arch_kwargs");
  NetworkPlan plan;
  plan.naming = Naming::nnunet_v2;
  plan.dim = dim;
  if (const std::string conv = arguments.text("conv_op"); last_part(conv) != fmt::format("Conv{}d", dim))
    arguments.fail("conv_op", fmt::format("is \"{}\", but patch_size has {} entries", conv, dim));
  const auto stages = static_cast<std::size_t>(arguments.whole("n_stages", 2, kMostStages));
  const auto axes = static_cast<std::size_t>(dim);
  plan.residual = plan.stem = name != "PlainConvUNet";
  plan.residual_decoder = name == "ResidualUNet";
  plan.filters = counts(arguments, "features_per_stage", stages);
  plan.kernels = sizes(arguments, "kernel_sizes", stages, axes);
  plan.strides = sizes(arguments, "strides", stages, axes);
  plan.encoder_blocks = counts(arguments, plan.residual ? "n_blocks_per_stage" : "n_conv_per_stage", stages);
  plan.decoder_blocks = counts(arguments, "n_conv_per_stage_decoder", stages - 1);
  plan.conv_bias = arguments.has("conv_bias") && arguments.boolean("conv_bias");
  plan.shortcut = Shortcut::pooling;
  plan.decoder_kernel = DecoderKernel::own;
  plan.deep_supervision = true;  // its heads are there whether or not they were trained
  read_norm(arguments, dim, plan);
  read_rectifier(arguments, plan);
  refuse_extras(arguments, plan.residual, plan.filters.front());
  return plan;
}

json old_architecture(const JsonFields& configuration) {
  const std::string name = configuration.text("UNet_class_name");
  if (name != "PlainConvUNet" && name != "ResidualEncoderUNet")
    configuration.fail("UNet_class_name",
                       fmt::format("is \"{}\", known are PlainConvUNet and ResidualEncoderUNet", name));
  const std::size_t stages = configuration.list("n_conv_per_stage_encoder").size();
  const std::size_t dim = configuration.list("patch_size").size();
  const std::int64_t base = configuration.whole("UNet_base_num_features", 1, kMost),
                     most = configuration.whole("unet_max_num_features", 1, kMost);
  Sizes features;
  for (std::size_t i = 0; i < stages; ++i)
    features.push_back(i == 0 ? std::min(base, most) : std::min(2 * features.back(), most));
  return {{"network_class_name", name},
          {"arch_kwargs",
           {{"n_stages", stages},
            {"features_per_stage", features},
            {"conv_op", fmt::format("Conv{}d", dim)},
            {"kernel_sizes", configuration.at("conv_kernel_sizes")},
            {"strides", configuration.at("pool_op_kernel_sizes")},
            {name == "PlainConvUNet" ? "n_conv_per_stage" : "n_blocks_per_stage",
             configuration.at("n_conv_per_stage_encoder")},
            {"n_conv_per_stage_decoder", configuration.at("n_conv_per_stage_decoder")},
            {"conv_bias", true},
            {"norm_op", fmt::format("InstanceNorm{}d", dim)},
            {"norm_op_kwargs", {{"eps", kNormEpsilon}, {"affine", true}}},
            {"nonlin", "LeakyReLU"}}}};
}

}  // namespace nnunet::v2_parts
