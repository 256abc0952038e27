#include "nnunet/checkpoint/v2_model.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "checkpoint/byte_source.h"
#include "checkpoint/zip_reader.h"
#include "checkpoint/zip_writer.h"
#include "io/expect_error.h"
#include "nnunet/checkpoint/weights.h"
#include "nnunet/plan/reference_plan.h"
#include "plan/v2_parts.h"
#include "reference/numbers.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempFolder;

const fs::path kFixtures = fs::path(NNUNET_FIXTURES_DIR) / "v2_checkpoints";
constexpr const char* kInner = "Dataset900_Tiny/nnUNetTrainer__nnUNetPlans__2d";

#define EXPECT_NAMES(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

/// Unpacks the model of the fixtures; returns its folder.
fs::path unpack_model(const fs::path& to) {
  const ZipReader zip(open_bytes(kFixtures / "model.zip"));
  for (const std::string& name : zip.names()) {
    const auto bytes = zip.open(name);
    std::vector<std::byte> content(bytes->size());
    bytes->read(0, content);
    fs::create_directories((to / name).parent_path());
    test::save(to / name, content);
  }
  return to / kInner;
}

std::string error_of_model(const fs::path& path, const std::vector<std::string>& folds = {},
                           const std::string& checkpoint = kV2Checkpoint) {
  return error_of([&] { (void)read_v2_model(path, folds, checkpoint); });
}

Value* entry(Value& value, const std::string& key) {
  auto& dict = std::get<Value::Dict>(value.data);
  const auto found = std::ranges::find(dict, key, &std::pair<std::string, Value>::first);
  return found == dict.end() ? nullptr : &found->second;
}

/// The first fold's checkpoint alone, changed and written again.
class ChangedCheckpoint {
 public:
  ChangedCheckpoint() : root_(load_torch_file(unpack_model(folder_.path()) / "fold_0/checkpoint_final.pth")) {}

  Value& root() { return root_; }
  Value::Dict& weights() { return std::get<Value::Dict>(entry(root_, "network_weights")->data); }
  fs::path save() {
    save_torch_file(folder_ / "changed.pth", root_);
    return folder_ / "changed.pth";
  }
  std::string error() { return error_of_model(save()); }

 private:
  TempFolder folder_;
  Value root_;
};

/// k + i / 1024 + fold, for the i-th number of the k-th parameter.
void expect_formula(const StateDict& state, float fold) {
  float k = fold;
  for (const auto& [name, tensor] : state) {
    const HostTensor numbers = tensor.to_float32(name);
    float i = 0;
    for (const float number : numbers.floats()) EXPECT_EQ(number, k + i++ / 1024) << name;
    ++k;
  }
}

TEST(V2Model, AZipOfTheirExport) {
  ASSERT_TRUE(is_v2_model(kFixtures / "model.zip"));
  const V2Model model = read_v2_model(kFixtures / "model.zip");
  ASSERT_EQ(model.folds.size(), 2U);
  for (std::size_t f = 0; f < 2; ++f) {
    const Checkpoint& checkpoint = model.folds[f].checkpoint;
    EXPECT_EQ(model.folds[f].name, std::to_string(f));
    EXPECT_EQ(checkpoint.model, model.plan);
    EXPECT_EQ(model_plan(checkpoint), model.plan);
    EXPECT_EQ(checkpoint.plan, model.plan.network);
    EXPECT_EQ(checkpoint.state_dict.size(), state_entries(checkpoint.plan).size());
    EXPECT_TRUE(checkpoint.training.is_none()) << "the optimizer is not kept";
    expect_formula(checkpoint.state_dict, static_cast<float>(f));
    EXPECT_EQ(network_weights(checkpoint, "test").size(), checkpoint.state_dict.size());
  }
  EXPECT_EQ(model.description.dataset, "Dataset900_Tiny");
  EXPECT_EQ(model.description.configuration, "2d");
  EXPECT_EQ(model.description.trainer, "nnUNetTrainer");
  EXPECT_EQ(model.description.licence, "Made up, free for all.\n");
  EXPECT_EQ(model.plan.window.mirror_axes, (std::vector<int>{0, 1}));
  EXPECT_TRUE(model.dataset_text.starts_with("{\n    \"channel_names\""));
  const DataConfig& data = model.folds[0].checkpoint.data;
  EXPECT_EQ(data.patch_size, (std::vector<std::int64_t>{8, 12}));
  EXPECT_EQ(data.n_class, 3);
  EXPECT_EQ(data.labels, (std::vector<std::string>{"background", "left", "right"}));
}

TEST(V2Model, FoldersFilesAndZipsAreTheSame) {
  const TempFolder folder;
  const fs::path unpacked = unpack_model(folder.path());
  const V2Model zipped = read_v2_model(kFixtures / "model.zip", {"1"});
  const fs::path selected = fs::path(kFixtures / "model.zip:") += kInner;
  const fs::path shorter = fs::path(kFixtures / "model.zip:") += "nnUNetTrainer__nnUNetPlans__2d";
  for (const fs::path& path : {unpacked, unpacked / "fold_1", unpacked / "fold_1/",
                               unpacked / "fold_1/checkpoint_final.pth", selected, shorter}) {
    SCOPED_TRACE(path);
    ASSERT_TRUE(is_v2_model(path));
    const V2Model model = read_v2_model(path, {"1"});
    ASSERT_EQ(model.folds.size(), 1U);
    EXPECT_EQ(model.folds[0].name, "1");
    EXPECT_EQ(model.plan, zipped.plan);
    expect_formula(model.folds[0].checkpoint.state_dict, 1);
  }
  EXPECT_EQ(read_v2_model(unpacked / "fold_1").folds.front().name, "1") << "itself";
  EXPECT_EQ(read_v2_model_plan(unpacked).model, zipped.plan);
  const auto folds = v2_folds(unpacked);
  ASSERT_EQ(folds.size(), 2U);
  EXPECT_EQ(folds[1].checkpoints, std::vector<std::string>{"checkpoint_final.pth"});
  EXPECT_EQ(v2_folds(unpacked / "fold_1").size(), 1U);
  EXPECT_EQ(v2_folds(unpacked / "fold_1/checkpoint_final.pth")[0].name, "1");
}

TEST(V2Model, ACheckpointOfVersion20OnAGpu) {
  const fs::path path = kFixtures / "checkpoint_old.pth";
  ASSERT_TRUE(is_v2_model(path));
  const V2Model model = read_v2_model(path);
  expect_formula(model.folds.at(0).checkpoint.state_dict, 0);
  EXPECT_FALSE(model.plan.window.mirror) << "files without mirror axes allow none";
  EXPECT_EQ(model.plan.network, read_v2_model_plan(kFixtures / "model.zip").model.network);
}

TEST(V2Model, DefaultFoldsAreTheNumberedOnes) {
  const TempFolder folder;
  const fs::path model = unpack_model(folder.path());
  const auto names = [&](const std::string& checkpoint = kV2Checkpoint) {
    std::string text;
    for (const V2Fold& fold : read_v2_model(model, {}, checkpoint).folds) text += fold.name + " ";
    return text;
  };
  fs::copy(model / "fold_1", model / "fold_all", fs::copy_options::recursive);
  fs::copy(model / "fold_1", model / "fold_10", fs::copy_options::recursive);
  EXPECT_EQ(names(), "0 1 10 ");
  fs::create_directory(model / "fold_2");
  fs::copy(model / "fold_all/checkpoint_final.pth", model / "fold_all/checkpoint_best.pth");
  EXPECT_EQ(names("checkpoint_best.pth"), "all ");
  EXPECT_EQ(read_v2_model(model, {"all", "0"}).folds[0].name, "all") << "in the order that is asked for";
}

TEST(V2Model, FoldsThatAreNotThereAreNamed) {
  const TempFolder folder;
  const fs::path model = unpack_model(folder.path());
  EXPECT_NAMES(error_of_model(model, {"0", "7"}), "there is no fold 7, but 0, 1");
  EXPECT_NAMES(error_of_model(kFixtures / "model.zip", {"all"}), "there is no fold all, but 0, 1");
  EXPECT_NAMES(error_of_model(model, {"0"}, "checkpoint_best.pth"),
               "the fold 0 has no checkpoint_best.pth, but checkpoint_final.pth");
  EXPECT_NAMES(error_of_model(model, {}, "checkpoint_best.pth"), "no fold has checkpoint_best.pth");
  EXPECT_NAMES(error_of_model(model / "fold_0/checkpoint_final.pth", {"1"}), "it is the fold 0 alone");
  fs::remove(model / "plans.json");
  EXPECT_NAMES(error_of_model(model), "it lacks plans.json");
  EXPECT_NAMES(error_of_model(folder / "nowhere"), "there is no such file or folder");
  EXPECT_NAMES(error_of_model(folder / "nowhere.zip:model"), "there is no such file or folder");
}

TEST(V2Model, TheFoldersPlansCount) {
  const TempFolder folder;
  const fs::path model = unpack_model(folder.path());
  std::ostringstream text;
  text << std::ifstream(model / "plans.json").rdbuf();
  std::string changed = text.str();
  changed.replace(changed.find("\"2d\""), 4, "\"3d_fullres\"");
  test::save(model / "plans.json", changed);
  EXPECT_NAMES(error_of_model(model), "no configuration \"2d\", but 3d_fullres");
  EXPECT_EQ(read_v2_model(model / "fold_0/checkpoint_final.pth").folds.size(), 1U) << "alone, its own plans count";
  test::save(model / "plans.json", text.str().substr(0, 200));
  EXPECT_NAMES(error_of_model(model), "plans.json: is not valid JSON");
}

TEST(V2Model, AnyNamesThatCoverTheParametersWillDo) {
  for (const std::string keep : {"all_modules", "decoder.encoder", "conv"}) {
    ChangedCheckpoint changed;
    auto& weights = changed.weights();
    const std::size_t all = weights.size();
    if (keep == "conv")
      std::erase_if(weights, [](const auto& w) {
        return w.first.find("all_modules") != std::string::npos || w.first.starts_with("decoder.encoder");
      });
    else if (keep == "all_modules")
      std::erase_if(weights, [](const auto& w) {
        return w.first.find(".conv.") != std::string::npos || w.first.find(".norm.") != std::string::npos;
      });
    else
      std::erase_if(weights, [](const auto& w) { return w.first.starts_with("encoder."); });
    EXPECT_LT(weights.size(), all) << keep;
    for (auto& [name, value] : weights) name = "_orig_mod.module." + name;
    expect_formula(read_v2_model(changed.save()).folds[0].checkpoint.state_dict, 0);
  }
}

TEST(V2Model, WeightsThatDoNotFitAreNamed) {
  const auto error_with = [](const std::function<void(Value::Dict&)>& change) {
    ChangedCheckpoint changed;
    change(changed.weights());
    return changed.error();
  };
  const auto is_of = [](const auto& weight, const char* part) { return weight.first.find(part) != std::string::npos; };
  EXPECT_NAMES(
      error_with([&](Value::Dict& w) { std::erase_if(w, [&](const auto& x) { return is_of(x, "transpconvs.0.b"); }); }),
      "\"decoder.transpconvs.0.bias\" are missing");
  EXPECT_NAMES(error_with([](Value::Dict& w) { w.emplace_back("head.weight", HostTensor(Dtype::float32, {2})); }),
               "\"head.weight\" are no part of the network");
  EXPECT_NAMES(error_with([](Value::Dict& w) {
                 for (auto& [name, value] : w)
                   if (name == "decoder.seg_layers.0.bias") value = HostTensor(Dtype::float32, {5});
               }),
               "\"decoder.seg_layers.0.bias\" have the shape (5), the network of the plans needs (3)");
  EXPECT_NAMES(error_with([](Value::Dict& w) {
                 for (auto& [name, value] : w)
                   if (name == "decoder.encoder.stages.0.0.convs.0.all_modules.0.bias")
                     value = HostTensor(Dtype::float32, {2});
               }),
               "\"encoder.stages.0.0.convs.0.conv.bias\" are there twice, with different numbers");
  EXPECT_NAMES(error_with([](Value::Dict& w) { w.front().second = "text"; }), "are no tensor that is known");
  EXPECT_NAMES(error_with([](Value::Dict& w) { w.clear(); }), "are missing");
}

TEST(V2Model, CheckpointsOfOtherKindsAreRefused) {
  const auto error_without = [](const char* key) {
    ChangedCheckpoint changed;
    std::erase_if(std::get<Value::Dict>(changed.root().data), [&](const auto& e) { return e.first == key; });
    EXPECT_FALSE(is_v2_model(changed.save()));
    return changed.error();
  };
  EXPECT_NAMES(error_without("network_weights"), "it lacks \"network_weights\"");
  EXPECT_NAMES(error_without("init_args"), "it lacks \"init_args\"");
  ChangedCheckpoint axes;
  *entry(axes.root(), "inference_allowed_mirroring_axes") = Value(Value::List{Value(0), Value(-1)});
  EXPECT_NAMES(axes.error(), "there are the axes 0 to 2");
  ChangedCheckpoint configuration;
  *entry(*entry(configuration.root(), "init_args"), "configuration") = Value("3d_fullres");
  EXPECT_NAMES(configuration.error(), "there is no configuration \"3d_fullres\", but 2d");
  ChangedCheckpoint text;
  *entry(text.root(), "init_args") = Value("text");
  EXPECT_NAMES(text.error(), "lacks");
}

TEST(V2Model, ACheckpointThatIsCutIsRefused) {
  const TempFolder folder;
  const fs::path model = unpack_model(folder.path());
  const fs::path file = model / "fold_0/checkpoint_final.pth";
  const auto size = fs::file_size(file);
  for (const auto part : {size / 2, size - 30, std::uintmax_t{100}}) {
    fs::resize_file(file, part);
    EXPECT_NAMES(error_of_model(model), "checkpoint_final.pth");
  }
  fs::resize_file(file, 0);
  EXPECT_NAMES(error_of_model(model), "empty");
}

TEST(V2Model, DamagedZipsAreRefused) {
  const TempFolder folder;
  std::ostringstream text;
  text << std::ifstream(kFixtures / "model.zip", std::ios::binary).rdbuf();
  const std::string whole = text.str();
  test::save(folder / "cut.zip", whole.substr(0, whole.size() / 2));
  EXPECT_NAMES(error_of_model(folder / "cut.zip"), "corrupt or truncated");
  test::save(folder / "text.zip", std::string("no zip"));
  EXPECT_NAMES(error_of_model(folder / "text.zip"), "this is no zip archive");
  // A byte within a packed checkpoint: its checksum, or the deflate stream, tells.
  std::string flipped = whole;
  flipped[400] = static_cast<char>(flipped[400] ^ 0x55);
  test::save(folder / "flipped.zip", flipped);
  EXPECT_NAMES(error_of_model(folder / "flipped.zip"), "corrupt");
}

void write_zip(const fs::path& path, const std::vector<std::string>& names) {
  std::ofstream file(path, std::ios::binary);
  ZipWriter zip(file);
  for (const std::string& name : names) zip.add(name, {});
  zip.finish();
}

TEST(V2Model, ZipsThatLeaveTheirFolderAreRefused) {
  const TempFolder folder;
  for (const std::string name : {"../plans.json", "/etc/plans.json", "D/../../x", "D\\..\\x"}) {
    write_zip(folder / "hostile.zip", {"D/T/plans.json", "D/T/dataset.json", "D/T/fold_0/checkpoint_final.pth", name});
    EXPECT_NAMES(error_of_model(folder / "hostile.zip"), "would leave the folder") << name;
  }
}

TEST(V2Model, AZipOfSeveralModelsIsToBeChosenFrom) {
  const TempFolder folder;
  std::vector<std::string> names;
  for (const char* model : {"D/A__P__2d", "D/B__P__2d", "E/B__P__2d"})
    for (const char* file : {"plans.json", "dataset.json", "fold_0/checkpoint_final.pth"})
      names.push_back(fmt::format("{}/{}", model, file));
  names.push_back("D/ensembles/plans.json");
  names.push_back("D/ensembles/dataset.json");
  write_zip(folder / "several.zip", names);
  const std::string message = error_of_model(folder / "several.zip");
  EXPECT_NAMES(message, "it holds several models: D/A__P__2d, D/B__P__2d, E/B__P__2d");
  EXPECT_NAMES(message, "several.zip:D/A__P__2d");
  EXPECT_NAMES(error_of_model(folder / "several.zip:D/C__P__2d"), "it holds no model D/C__P__2d");
  EXPECT_NAMES(error_of_model(folder / "several.zip:B__P__2d"), "it holds more than one model B__P__2d");
  EXPECT_NAMES(error_of_model(folder / "several.zip:A__P__2d"), "several.zip:D/A__P__2d/fold_0/checkpoint_final.pth");
  write_zip(folder / "none.zip", {"a.txt"});
  EXPECT_NAMES(error_of_model(folder / "none.zip"), "it holds no model of nnU-Net v2");
}

// Names and order of state_dict, with all doubles.
TEST(V2Model, StateNamesAreTheirs) {
  int compared = 0;
  for (const fs::path& file :
       {test::reference_file("reference-v2/run/networks.json"), kFixtures / "residual_unet.json"}) {
    std::ifstream stream(file);
    const auto networks = nlohmann::ordered_json::parse(stream);
    for (const auto& [name, reference] : networks.items()) {
      SCOPED_TRACE(name);
      const nlohmann::json configuration{
          {"architecture",
           {{"network_class_name", reference.at("network_class")}, {"arch_kwargs", reference.at("arch_kwargs")}}}};
      NetworkPlan plan = v2_parts::network(JsonFields(configuration, "networks.json", "mend it"),
                                           static_cast<int>(reference.at("patch_size").size()));
      plan.in_channels = reference.at("input_channels").get<int>();
      plan.n_class = reference.at("output_channels").get<int>();
      nlohmann::ordered_json names = nlohmann::ordered_json::array();
      for (const V2StateName& state : v2_state_names(plan)) names.push_back(state.name);
      EXPECT_EQ(names.size(), reference.value("n_state_dict", names.size()));
      if (!reference.contains("state_dict_keys")) continue;
      EXPECT_EQ(names.dump(), reference.at("state_dict_keys").dump());
      ++compared;
    }
  }
  EXPECT_EQ(compared, 4);
}

// What nnU-Net itself wrote has these names and no others.
TEST(V2Model, StateNamesOfAFile) {
  ChangedCheckpoint file;
  std::vector<std::string> expected, found;
  for (const auto& [name, value] : file.weights()) expected.push_back(name);
  for (const V2StateName& state : v2_state_names(*read_v2_model_plan(kFixtures / "model.zip").model.network))
    found.push_back(state.name);
  EXPECT_EQ(found, expected);
}

TEST(V2Model, OurOwnCheckpointsAreNone) {
  const TempFolder folder;
  save_torch_file(folder / "a.pth", Value::Dict{{"format", "nnunet"}});
  EXPECT_FALSE(is_v2_model(folder / "a.pth"));
  EXPECT_FALSE(is_v2_model(folder.path()));
  EXPECT_FALSE(is_v2_model(folder / "absent"));
}

// Until check_supported lets nnU-Net v2's plans pass, they are refused by the field that is not known.
TEST(Checkpoint, OneFoldIsACheckpointLikeOthers) {
  const TempFolder folder;
  const fs::path model = unpack_model(folder.path());
  EXPECT_ERROR(load_checkpoint(model), "the model has 2 folds, one network is needed here");
  const fs::path fold = model / "fold_1";
  const std::string refused = error_of([&] { check_supported(read_v2_model(fold).plan, fold.string()); });
  if (refused != "no error") {
    EXPECT_EQ(error_of([&] { (void)load_checkpoint(fold); }), refused);
    return;
  }
  const Checkpoint checkpoint = load_checkpoint(fold);
  expect_formula(checkpoint.state_dict, 1);
  EXPECT_TRUE(checkpoint.model);
  save_checkpoint(folder / "ours.ckpt", checkpoint);
  EXPECT_EQ(load_checkpoint(folder / "ours.ckpt").model, checkpoint.model);
}

TEST(Checkpoint, AModelOfItsOwnIsKept) {
  Checkpoint checkpoint;
  checkpoint.plan.kernels = {{3, 3}, {3, 3}};
  checkpoint.plan.strides = {{1, 1}, {2, 2}};
  checkpoint.plan.filters = {2, 4};
  checkpoint.plan.dim = 2;
  ModelPlan model;
  model.preprocess.channels = {{}};
  model.preprocess.spacing = {1, 1};
  for (ResamplingRule* rule : {&model.preprocess.image, &model.preprocess.label, &model.preprocess.logits})
    rule->method = Resampler::none;
  model.window.patch = {8, 8};
  model.window.mirror_axes = {0, 1};
  model.window.overlap = 0.25;  // which DataConfig has no word for
  model.labels.entries = {{"background", {0}}, {"organ", {1}}};
  model.network = checkpoint.plan;
  checkpoint.model = model;
  checkpoint.data = summary_of(model);
  for (const auto& [name, shape] : state_entries(checkpoint.plan))
    checkpoint.state_dict.emplace_back(name, HostTensor(Dtype::float32, shape));
  const TempFolder folder;
  save_checkpoint(folder / "a.ckpt", checkpoint);
  const Checkpoint back = load_checkpoint(folder / "a.ckpt");
  EXPECT_EQ(back.model, model);
  EXPECT_EQ(model_plan(back), model);
  EXPECT_EQ(back.data.labels, (std::vector<std::string>{"background", "organ"}));
}

// All models of the reference numbers: trained by nnU-Net v2, read as folders.
TEST(V2Model, TrainedModelsAreRead) {
  NNUNET_NEEDS_SHARED("reference-v2/run/models");
  int read = 0;
  for (const auto& dataset : fs::directory_iterator(test::shared_dir() / "reference-v2/run/models"))
    for (const auto& folder : fs::directory_iterator(dataset)) {
      if (!fs::exists(folder.path() / "plans.json")) continue;
      SCOPED_TRACE(folder.path());
      ASSERT_TRUE(is_v2_model(folder.path()));
      const V2Model model = read_v2_model(folder.path());
      const std::string name = folder.path().filename().string();
      const V2Description& d = model.description;
      EXPECT_EQ(d.trainer + "__" + d.plans + "__" + d.configuration, name);
      EXPECT_EQ(d.dataset, dataset.path().filename().string());
      EXPECT_EQ(model.plan.window.mirror, name.find("NoMirroring") == std::string::npos);
      EXPECT_EQ(model.plan.previous_stage, d.configuration == "3d_cascade_fullres");
      for (const V2Fold& fold : model.folds) {
        EXPECT_NO_THROW((void)network_weights(fold.checkpoint, fold.source));
        const V2Model alone = read_v2_model(folder.path() / ("fold_" + fold.name) / kV2Checkpoint);
        EXPECT_EQ(first_difference(alone.plan, model.plan), "");
        EXPECT_EQ(alone.folds[0].name, fold.name);
        ++read;
      }
    }
  EXPECT_EQ(read, 11);
}

}  // namespace
}  // namespace nnunet
