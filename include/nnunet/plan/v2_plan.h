#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nnunet/plan/model_plan.h"

/// nnU-Net v2's plans.json and dataset.json (contract-v2-plan, sections 1 and 5; contract-v2-run, sections 1, 2 and 6).
namespace nnunet {

/// The two files as they are. Ordered: regions count in the order of the file. The names are for messages.
struct V2Files {
  nlohmann::ordered_json plans, dataset;
  std::string plans_name = "plans.json", dataset_name = "dataset.json";
};

/// Of Python's JSON, which may hold NaN and Infinity: they become null. Throws Error (name) for what is no JSON.
nlohmann::ordered_json parse_v2_json(std::string_view text, const std::string& name);

/// What a checkpoint adds to the plans.
struct V2Training {
  std::string trainer = "nnUNetTrainer";  ///< its class's name: nnUNetTrainerBN has batch norms, whatever the plans say
  std::vector<int> mirror_axes = {};      ///< of the patch; empty: the network was not trained for mirror images
};

/// What a model is called and reads, beside what its ModelPlan says.
struct V2Description {
  std::string dataset, plans, configuration, trainer;
  std::string reader;                         ///< class that read the training images: "SimpleITKIO"
  std::string file_ending;                    ///< of images and label maps: ".nii.gz"
  std::optional<std::string> previous_stage;  ///< of a cascade: the configuration whose label maps are put in
  std::vector<std::string> channels;          ///< names, in the order of the channels
  std::vector<std::string> labels;            ///< names as in dataset.json, in its order, "ignore" included
  std::string licence;                        ///< text of the licence that comes with the model; may be empty
};

struct V2Plan {
  ModelPlan model;
  V2Description description;
};

/// The names of the configurations, in the file's order.
std::vector<std::string> v2_configurations(const V2Files& files);

/// One configuration with what it inherits, and with an `architecture`, also in plans of nnU-Net before 2.5. Throws
/// Error: there is none of that name (those there are are listed), parents that go round in a circle.
nlohmann::json v2_configuration(const V2Files& files, const std::string& name);

/// The labels of dataset.json. Throws Error for what nnU-Net v2 refuses: no background, regions without
/// regions_class_order, an ignore label that is not the largest.
LabelSpec v2_labels(const V2Files& files);

/// The model that a configuration describes. Throws Error (file, field, remedy) for what is missing, cannot be, or
/// would make other numbers than this program's: classes of networks, norms, normalisation, resampling functions and
/// their arguments that are not known are named.
V2Plan read_v2_plan(const V2Files& files, const std::string& configuration, const V2Training& training = {});

}  // namespace nnunet
