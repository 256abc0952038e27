#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "infer/tiny.h"
#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/plan/v2_plan.h"

/// Tiny untrained models in nnU-Net v2's folders.
namespace nnunet::test {

struct TinyV2Model {
  int dim = 3;
  std::vector<std::string> channels{"MR"};
  std::string ending = ".nii.gz", reader = "SimpleITKIO";
  std::vector<int> transpose{0, 1, 2};
  std::vector<double> spacing{2, 1, 1};
  bool cascade = false;  ///< a second stage

  std::string configuration() const { return cascade ? "3d_cascade_fullres" : dim == 2 ? "2d" : "3d_fullres"; }
};

inline nlohmann::ordered_json tiny_v2_dataset(const TinyV2Model& m) {
  nlohmann::ordered_json dataset{
      {"labels", {{"background", 0}, {"left", 1}, {"right", 2}}}, {"numTraining", 3}, {"file_ending", m.ending}};
  for (std::size_t i = 0; i < m.channels.size(); ++i) dataset["channel_names"][std::to_string(i)] = m.channels[i];
  return dataset;
}

inline nlohmann::ordered_json tiny_v2_architecture(int dim) {
  using Json = nlohmann::ordered_json;
  const Json ones(std::vector<int>(static_cast<std::size_t>(dim), 1)),
      kernel(std::vector<int>(static_cast<std::size_t>(dim), 3)),
      stride(dim == 3 ? std::vector{1, 2, 2} : std::vector{2, 2});
  return {{"network_class_name", "dynamic_network_architectures.architectures.unet.PlainConvUNet"},
          {"arch_kwargs",
           {{"n_stages", 2},
            {"features_per_stage", {4, 6}},
            {"conv_op", fmt::format("torch.nn.modules.conv.Conv{}d", dim)},
            {"kernel_sizes", Json::array({kernel, kernel})},
            {"strides", Json::array({ones, stride})},
            {"n_conv_per_stage", {1, 1}},
            {"n_conv_per_stage_decoder", Json::array({1})},
            {"conv_bias", true},
            {"norm_op", fmt::format("torch.nn.modules.instancenorm.InstanceNorm{}d", dim)},
            {"norm_op_kwargs", {{"eps", 1e-5}, {"affine", true}}},
            {"dropout_op", nullptr},
            {"dropout_op_kwargs", nullptr},
            {"nonlin", "torch.nn.LeakyReLU"},
            {"nonlin_kwargs", {{"inplace", true}}}}},
          {"_kw_requires_import", {"conv_op", "norm_op", "dropout_op", "nonlin"}}};
}

inline nlohmann::ordered_json tiny_v2_plans(const TinyV2Model& m) {
  using Json = nlohmann::ordered_json;
  const auto channels = m.channels.size();
  const std::vector<std::string> normalization(channels, "ZScoreNormalization");
  Json configuration{{"data_identifier", "nnUNetPlans_" + m.configuration()},
                     {"preprocessor_name", "DefaultPreprocessor"},
                     {"batch_size", 2},
                     {"patch_size", m.dim == 3 ? std::vector{8, 16, 16} : std::vector{16, 16}},
                     {"median_image_size_in_voxels", m.dim == 3 ? std::vector{8, 16, 16} : std::vector{16, 16}},
                     {"spacing", m.spacing},
                     {"normalization_schemes", normalization},
                     {"use_mask_for_norm", std::vector<bool>(channels, false)}};
  for (const char* const what : {"data", "seg", "probabilities"}) {
    const bool labels = std::string_view(what) == "seg";
    configuration[fmt::format("resampling_fn_{}", what)] = "resample_data_or_seg_to_shape";
    configuration[fmt::format("resampling_fn_{}_kwargs", what)] = {{"is_seg", labels},
                                                                   {"order", std::string_view(what) == "data" ? 3 : 1},
                                                                   {"order_z", 0},
                                                                   {"force_separate_z", nullptr}};
  }
  configuration["architecture"] = tiny_v2_architecture(m.dim);
  configuration["batch_dice"] = true;
  if (m.cascade) configuration["previous_stage"] = "3d_lowres";
  std::vector<int> back(3);
  for (std::size_t i = 0; i < 3; ++i) back[static_cast<std::size_t>(m.transpose[i])] = static_cast<int>(i);
  Json intensities, one{{"mean", 1.0}, {"std", 1.0}, {"percentile_00_5", 0.0}, {"percentile_99_5", 3.0}};
  for (std::size_t i = 0; i < channels; ++i) intensities[std::to_string(i)] = one;
  return {{"dataset_name", "Dataset900_Tiny"},
          {"plans_name", "nnUNetPlans"},
          {"original_median_spacing_after_transp", {2.0, 1.0, 1.0}},
          {"original_median_shape_after_transp", {8, 16, 16}},
          {"image_reader_writer", m.reader},
          {"transpose_forward", m.transpose},
          {"transpose_backward", back},
          {"configurations", {{m.configuration(), configuration}}},
          {"experiment_planner_used", "ExperimentPlanner"},
          {"label_manager", "LabelManager"},
          {"foreground_intensity_properties_per_channel", intensities}};
}

/// A fold's checkpoint with random weights.
inline void save_tiny_v2_fold(const std::filesystem::path& model, const TinyV2Model& m, const std::string& fold,
                              const std::string& checkpoint = kV2Checkpoint, std::uint64_t seed = 1) {
  const NetworkPlan network = *read_v2_plan({tiny_v2_plans(m), tiny_v2_dataset(m)}, m.configuration()).model.network;
  std::mt19937_64 random(seed);
  std::map<std::string, HostTensor> tensors;
  for (const auto& [name, shape] : state_entries(network)) {
    const auto count = static_cast<std::size_t>(Array<float>::count(shape));
    const float value = name.ends_with(".bias") ? 0.0F : 1.0F;
    tensors[name] = shape.size() > 1 ? random_weights(shape, random) : HostTensor(shape, std::vector(count, value));
  }
  Value::Dict weights;
  for (const V2StateName& name : v2_state_names(network)) weights.emplace_back(name.name, tensors.at(name.plain));
  std::vector<int> axes{0, 1, 2};
  axes.resize(static_cast<std::size_t>(m.dim));
  std::filesystem::create_directories(model / ("fold_" + fold));
  save_torch_file(model / ("fold_" + fold) / checkpoint,
                  Value::Dict{{"network_weights", weights},
                              {"init_args", Value::Dict{{"configuration", m.configuration()}, {"fold", fold}}},
                              {"trainer_name", "nnUNetTrainer"},
                              {"inference_allowed_mirroring_axes", axes}});
}

/// A model's folder in a folder of results; returns it.
inline std::filesystem::path save_tiny_v2_model(const std::filesystem::path& results, const TinyV2Model& m = {},
                                                const std::vector<std::string>& folds = {"0"}) {
  const auto model = results / "Dataset900_Tiny" / ("nnUNetTrainer__nnUNetPlans__" + m.configuration());
  write_text(model / "plans.json", tiny_v2_plans(m).dump(4));
  write_text(model / "dataset.json", tiny_v2_dataset(m).dump(4));
  std::uint64_t seed = 1;
  for (const std::string& fold : folds) save_tiny_v2_fold(model, m, fold, kV2Checkpoint, seed++);
  return model;
}

}  // namespace nnunet::test
