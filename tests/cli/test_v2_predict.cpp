// Prediction with nnU-Net v2's models, by its commands and by `nnunet predict`, from outside: what bad input does,
// which files are made, and on which axes label maps come back.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>

#include "checkpoint/zip_writer.h"
#include "nnunet/io/image_file.h"
#include "program.h"
#include "reference/shared.h"
#include "v2/tiny_v2_model.h"

namespace nnunet {
namespace {

using std::filesystem::path;
using test::Outcome;
using test::shell;
using test::TempFolder;
using test::TinyV2Model;
namespace fs = std::filesystem;

const std::string kBin = NNUNET_BINARY_DIR "/bin/";

/// All files below a folder, hidden ones, too.
std::set<std::string> files_in(const path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), folder).string());
  return names;
}

const std::set<std::string> kDescriptions{"dataset.json", "plans.json", "predict_from_raw_data_args.json"};

std::set<std::string> with_descriptions(std::set<std::string> names) {
  names.insert(kDescriptions.begin(), kDescriptions.end());
  return names;
}

class V2Predict : public testing::Test {
 protected:
  void SetUp() override { fs::create_directory(in_); }

  void make_model(const TinyV2Model& m = {}, const std::vector<std::string>& folds = {"0"}) {
    model_ = test::save_tiny_v2_model(results_, m, folds);
  }
  void image(const std::string& name, const Shape3& shape = {9, 20, 22}, const Spacing3& spacing = {2, 1, 1}) const {
    write_image(in_ / name, test::tiny_image(shape, 1, spacing));
  }
  /// nnUNetv2_predict_from_modelfolder.
  Outcome from_folder(const std::string& arguments = "-f 0") const {
    return shell(fmt::format("{}v2/nnUNetv2_predict_from_modelfolder -device cpu -m '{}' -i '{}' -o '{}' {}", kBin,
                             model_.string(), in_.string(), out_.string(), arguments));
  }
  /// nnUNetv2_predict.
  Outcome by_name(const std::string& arguments, const std::string& dataset = "900") const {
    return shell(
        fmt::format("nnUNet_results='{}' nnUNet_raw= nnUNet_preprocessed= {}v2/nnUNetv2_predict -device cpu -d {} "
                    "-c 3d_fullres -i '{}' -o '{}' {}",
                    results_.string(), kBin, dataset, in_.string(), out_.string(), arguments));
  }
  Outcome nnunet_predict(const std::string& arguments) const {
    return shell(fmt::format("{}nnunet predict --gpus 0 {}", kBin, arguments));
  }
  /// The usual call of it.
  std::string usual() const {
    return fmt::format("--model '{}' --input '{}' --output '{}' ", model_.string(), in_.string(), out_.string());
  }
  /// Changes one of the model's JSON files.
  template <class Change>
  void change(const char* file, Change&& change) const {
    auto json = nlohmann::ordered_json::parse(test::read(model_ / file));
    change(json);
    test::write(model_ / file, json.dump());
  }
  std::set<std::string> outputs() const { return files_in(out_); }
  std::string label(const std::string& name) const { return test::read(out_ / name); }

  TempFolder folder_;
  path results_ = folder_ / "results", in_ = folder_ / "in", out_ = folder_ / "out", model_;
};

class V2BadInput : public V2Predict {
 protected:
  /// Fails before anything is written.
  void expect_nothing(const Outcome& outcome, const std::vector<std::string>& parts) const {
    EXPECT_EQ(outcome.code, 1) << outcome.text;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.text.find(part), std::string::npos) << part << ": " << outcome.text;
    EXPECT_FALSE(fs::exists(out_) && !outputs().empty()) << outcome.text;
  }
  /// One case fails, the others are done and nothing is half there.
  void expect_others(const Outcome& outcome, const std::set<std::string>& done,
                     const std::vector<std::string>& parts) const {
    EXPECT_EQ(outcome.code, 1) << outcome.text;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.text.find(part), std::string::npos) << part << ": " << outcome.text;
    EXPECT_EQ(outputs(), with_descriptions(done)) << outcome.text;
  }
};

TEST_F(V2BadInput, FoldsThatAreNotThere) {
  make_model();
  image("a_0000.nii.gz");
  expect_nothing(from_folder("-f 3"), {model_.string(), "there is no fold 3, but 0", "Choose other folds"});
  expect_nothing(from_folder(""), {"there is no fold 1"});  // the default is five folds
  expect_nothing(from_folder("-f all"), {"there is no fold all"});
  expect_nothing(from_folder("-f 0 -chk checkpoint_best.pth"), {"checkpoint_best.pth", "checkpoint_final.pth"});
  expect_nothing(nnunet_predict(usual() + "--folds 4"), {"there is no fold 4"});
}

TEST_F(V2BadInput, ModelsThatAreDamaged) {
  make_model();
  image("a_0000.nii.gz");
  const path checkpoint = model_ / "fold_0/checkpoint_final.pth";
  const std::string whole = test::read(checkpoint), plans = test::read(model_ / "plans.json");

  test::write(checkpoint, whole.substr(0, whole.size() / 2));
  expect_nothing(from_folder(), {checkpoint.string()});
  test::write(checkpoint, "");
  expect_nothing(from_folder(), {checkpoint.string()});
  test::write(checkpoint, whole);

  change("plans.json", [](auto& json) {
    json["configurations"]["2d"] = json["configurations"]["3d_fullres"];
    json["configurations"].erase("3d_fullres");
  });
  expect_nothing(from_folder(), {"plans.json", "3d_fullres", "2d"});
  test::write(model_ / "plans.json", plans);

  change("plans.json", [](auto& json) {
    json["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"] = {4, 8};
  });
  expect_nothing(from_folder(), {checkpoint.string(), "encoder.stages.1"});
  test::write(model_ / "plans.json", plans);

  change("plans.json", [](auto& json) { json["image_reader_writer"] = "HoloIO"; });
  expect_nothing(from_folder(), {"plans.json", "HoloIO", "SimpleITKIO"});
  expect_nothing(nnunet_predict(usual()), {"plans.json", "HoloIO"});
  test::write(model_ / "plans.json", plans.substr(0, plans.size() / 2));
  expect_nothing(from_folder(), {"plans.json"});
  fs::remove(model_ / "plans.json");
  expect_nothing(from_folder(), {model_.string(), "plans.json"});
  model_ = folder_ / "nowhere";
  expect_nothing(from_folder(), {"nowhere"});
}

TEST_F(V2BadInput, AZipThatLeavesItsFolder) {
  image("a_0000.nii.gz");
  model_ = folder_ / "model.zip";
  std::ofstream file(model_, std::ios::binary);
  ZipWriter zip(file);
  const std::string text = "{}";
  for (const char* const name : {"D/T__P__2d/plans.json", "D/T__P__2d/dataset.json", "../evil.json"})
    zip.add(name, std::as_bytes(std::span(text)));
  zip.finish();
  file.close();
  expect_nothing(nnunet_predict(usual()), {model_.string(), "../evil.json"});
  EXPECT_FALSE(fs::exists(folder_ / "evil.json"));
}

TEST_F(V2BadInput, WhatCannotBeAsked) {
  make_model();
  image("a_0000.nii.gz");
  expect_nothing(by_name("-f 0 -num_parts 2 -part_id 2"), {"part_id: ", "2 of 2"});
  expect_nothing(by_name("-f 0 -num_parts 2 -part_id -1"), {"part_id: "});
  expect_nothing(by_name("-f 0 -num_parts 0"), {"part_id: "});
  expect_nothing(by_name("-f 0 -tr nnUNetTrainerOfMine"), {"nnUNetTrainerOfMine__nnUNetPlans__3d_fullres", "-tr"});
  expect_nothing(by_name("-f 0", "901"), {"dataset 901", "Dataset901"});
  expect_nothing(by_name("-f 0 -device mps"), {"-device mps", "-device cpu"});
  EXPECT_EQ(from_folder("-f 0 -device tpu").code, 2);
  EXPECT_EQ(from_folder("-f 0 -step_size 2").code, 2);
  EXPECT_EQ(shell(kBin + "v2/nnUNetv2_predict -i in").code, 2);
  const Outcome without =
      shell(fmt::format("env -u nnUNet_results {}v2/nnUNetv2_predict -i '{}' -o '{}' -d Dataset900_Tiny "
                        "-c 3d_fullres -f 0",
                        kBin, in_.string(), out_.string()));
  expect_nothing(without, {"nnUNet_results", "export"});
}

// These networks want images that nnU-Net prepares, not what --data holds.
TEST_F(V2BadInput, PreprocessedFoldersAreNotForThem) {
  make_model();
  const path fold = model_ / "fold_0", results = folder_ / "results_of_data";
  const std::string data = fmt::format("--data '{}' --results '{}'", folder_.path().string(), results.string());
  for (const std::string command : {"evaluate", "predict"})
    for (const path& given : {model_, fold, fold / kV2Checkpoint}) {
      SCOPED_TRACE(command + " " + given.string());
      expect_nothing(
          shell(fmt::format("{}nnunet {} --gpus 0 {} --ckpt_path '{}'", kBin, command, data, given.string())),
          {given.string() + ": is a model of nnU-Net v2", "not as --data",
           "nnunet predict --model ... --input ... --output ..."});
    }
  expect_nothing(nnunet_predict(fmt::format("{} --model '{}'", data, model_.string())),
                 {"--model: is given without --input", "name them with --input"});
  EXPECT_FALSE(fs::exists(results));
}

TEST_F(V2BadInput, FoldersThatCannotBe) {
  make_model();
  expect_nothing(from_folder(), {in_.string(), "holds no image (*.nii.gz)"});
  image("a_0000.nii.gz");
  const auto before = files_in(in_);
  const path wanted = std::exchange(out_, in_);
  EXPECT_EQ(from_folder().code, 1);
  out_ = in_ / "labels";
  EXPECT_EQ(from_folder().code, 1);
  EXPECT_EQ(files_in(in_), before);
  test::write(folder_ / "file", "mine");
  out_ = folder_ / "file";  // no folder can be made there, whoever asks
  EXPECT_FAILS(from_folder(), out_.string());
  out_ = folder_ / "file/below";
  EXPECT_FAILS(from_folder(), out_.string());
  EXPECT_EQ(test::read(folder_ / "file"), "mine");
  out_ = wanted;
  in_ = folder_ / "nowhere";
  expect_nothing(from_folder(), {in_.string()});
}

TEST_F(V2BadInput, FilesOfADatasetAreKept) {
  make_model();
  image("a_0000.nii.gz");
  test::write(out_ / "dataset.json", "{\"mine\": 1}");
  EXPECT_FAILS(from_folder(), (out_ / "dataset.json").string(), std::string("another output folder"));
  EXPECT_EQ(outputs(), std::set<std::string>{"dataset.json"});
  EXPECT_EQ(test::read(out_ / "dataset.json"), "{\"mine\": 1}");
}

TEST_F(V2BadInput, CasesThatAreBad) {
  make_model();
  image("good_0000.nii.gz");
  Image holes = test::tiny_image({9, 20, 22});
  holes.voxels.values[100] = std::numeric_limits<float>::quiet_NaN();
  write_image(in_ / "nan_0000.nii.gz", holes);
  const std::string whole = test::read(in_ / "good_0000.nii.gz");
  test::write(in_ / "cut_0000.nii.gz", whole.substr(0, whole.size() / 2));
  test::write(in_ / "text_0000.nii.gz", "no image");
  test::write(in_ / "other_0000.mha", "whatever");
  image("two_0001.nii.gz");
  write_image(in_ / "many_0000.nii.gz", test::tiny_image({9, 20, 22}, 2));
  const std::set<std::string> done{"good.nii.gz", "good.npz", "good.pkl"};
  const std::vector<std::string> named{
      "nan_0000.nii.gz", "cut_0000.nii.gz", "text_0000.nii.gz", "other_0000.mha", "two", "many", "1 cases predicted"};
  expect_others(from_folder("-f 0 --save_probabilities"), done, named);
}

TEST_F(V2BadInput, ChannelsThatAreMissing) {
  make_model({.channels = {"T1", "T2"}});
  for (const char* const name : {"a_0000", "a_0001", "b_0000", "c_0000", "c_0001", "c_0002", "d_0000"})
    image(fmt::format("{}.nii.gz", name));
  image("d_0001.nii.gz", {9, 20, 23});
  expect_others(from_folder(), {"a.nii.gz"},
                {"b: ", "c: ", "d_0001.nii.gz", "the network takes 2 channels", "1 cases predicted"});
}

TEST_F(V2BadInput, PreviousStagesThatAreMissing) {
  make_model({.cascade = true});
  image("a_0000.nii.gz");
  image("b_0000.nii.gz");
  image("c_0000.nii.gz");
  expect_nothing(from_folder(), {"prev_stage_predictions: is not given", "3d_lowres"});
  expect_nothing(from_folder("-f 0 -prev_stage_predictions /nowhere"), {"/nowhere"});
  const path previous = folder_ / "previous";
  fs::create_directory(previous);
  LabelMap map{Array<std::uint8_t>({9, 20, 22}), test::tiny_image({9, 20, 22}).geometry};
  map.voxels.values[2000] = 1;
  write_label_map(previous / "a.nii.gz", map);
  map = {Array<std::uint8_t>({8, 20, 22}), test::tiny_image({8, 20, 22}).geometry};
  write_label_map(previous / "c.nii.gz", map);
  expect_others(from_folder(fmt::format("-f 0 -prev_stage_predictions '{}'", previous.string())), {"a.nii.gz"},
                {(previous / "b.nii.gz").string(), (previous / "c.nii.gz").string()});
  fs::remove_all(out_);
  const Outcome ours = nnunet_predict(usual() + fmt::format("--prev_stage_predictions '{}'", previous.string()));
  EXPECT_FAILS(ours, (previous / "b.nii.gz").string(), std::string("2 of 3"));
  EXPECT_TRUE(fs::exists(out_ / "a.nii.gz"));
}

TEST_F(V2BadInput, APreviousStageIsNotOverwritten) {
  make_model({.cascade = true});
  image("a_0000.nii.gz");
  out_ = folder_ / "previous";
  fs::create_directory(out_);
  write_label_map(out_ / "a.nii.gz", {Array<std::uint8_t>({9, 20, 22}), test::tiny_image({9, 20, 22}).geometry});
  const std::string before = label("a.nii.gz");
  EXPECT_FAILS(from_folder(fmt::format("-f 0 -prev_stage_predictions '{}'", out_.string())), "would be overwritten");
  EXPECT_FAILS(nnunet_predict(usual() + fmt::format("--prev_stage_predictions '{}'", out_.string())),
               "would be overwritten");
  EXPECT_EQ(label("a.nii.gz"), before);
  EXPECT_EQ(outputs().size(), 1U);
}

TEST_F(V2BadInput, OtherLabelsOfAPreviousStageAreLeftOut) {
  make_model({.cascade = true});
  image("a_0000.nii.gz");
  const path previous = folder_ / "previous";
  fs::create_directory(previous);
  LabelMap map{Array<std::uint8_t>({9, 20, 22}), test::tiny_image({9, 20, 22}).geometry};
  map.voxels.values[2000] = 7;  // of another dataset
  write_label_map(previous / "a.nii.gz", map);
  const Outcome outcome = from_folder(fmt::format("-f 0 -prev_stage_predictions '{}'", previous.string()));
  EXPECT_EQ(outcome.code, 0) << "as nnU-Net, which leaves them out: " << outcome.text;
}

TEST_F(V2Predict, SmallAndThinImages) {
  make_model();
  image("small_0000.nii.gz", {3, 4, 5});
  image("thin_0000.nii.gz", {1, 20, 22});
  image("line_0000.nii.gz", {2, 1, 40});
  image("dot_0000.nii.gz", {1, 1, 1});
  const Outcome outcome = from_folder("-f 0 --save_probabilities");
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_EQ(outputs().size(), 4U * 3 + 3) << outcome.text;
  for (const auto& [name, shape] :
       {std::pair("small", Shape3{3, 4, 5}), {"thin", {1, 20, 22}}, {"line", {2, 1, 40}}, {"dot", {1, 1, 1}}})
    EXPECT_EQ(read_label_file(out_ / fmt::format("{}.nii.gz", name)).geometry.shape, shape) << name;
}

TEST_F(V2Predict, ByNamesAndFolders) {
  make_model({}, {"0", "1", "all"});
  image("a_0000.nii.gz");
  ASSERT_EQ(by_name("-f all").code, 0);
  const std::string all = label("a.nii.gz");
  EXPECT_EQ(outputs(), with_descriptions({"a.nii.gz"}));
  ASSERT_EQ(by_name("-f 0 1", "Dataset900_Tiny").code, 0);
  const std::string both = label("a.nii.gz");
  EXPECT_NE(both, all);
  ASSERT_EQ(from_folder("-f 0 1").code, 0);
  EXPECT_EQ(label("a.nii.gz"), both);
  fs::remove_all(out_);
  const Outcome ours = nnunet_predict(usual());  // every fold but all
  ASSERT_EQ(ours.code, 0) << ours.text;
  EXPECT_EQ(label("a.nii.gz"), both) << "the same label map, whichever command makes it";
}

TEST_F(V2Predict, DescriptionsAreTheModels) {
  make_model();
  image("a_0000.nii.gz");
  ASSERT_EQ(by_name("-f 0 -npp 2 -num_parts 1 --save_probabilities").code, 0);
  EXPECT_EQ(nlohmann::json::parse(test::read(out_ / "dataset.json")),
            nlohmann::json::parse(test::read(model_ / "dataset.json")));
  EXPECT_EQ(nlohmann::json::parse(test::read(out_ / "plans.json")),
            nlohmann::json::parse(test::read(model_ / "plans.json")));
  const nlohmann::json expected{{"folder_with_segs_from_prev_stage", nullptr},
                                {"list_of_lists_or_source_folder", in_.string()},
                                {"num_parts", 1},
                                {"num_processes_preprocessing", 2},
                                {"num_processes_segmentation_export", 3},
                                {"output_folder_or_list_of_truncated_output_files", out_.string()},
                                {"overwrite", true},
                                {"part_id", 0},
                                {"save_probabilities", true}};
  EXPECT_EQ(nlohmann::json::parse(test::read(out_ / "predict_from_raw_data_args.json")), expected);
}

TEST_F(V2Predict, ProcessesAreNotedAsNnUNetCountsThem) {
  make_model();
  image("a_0000.nii.gz", {3, 8, 8});
  const auto noted = [&](const char* variables, const char* arguments) {
    const Outcome outcome = shell(fmt::format(
        "{} nnUNet_results='{}' nnUNet_raw= nnUNet_preprocessed= {}v2/nnUNetv2_predict -device cpu -d 900 -c "
        "3d_fullres -f 0 -i '{}' -o '{}' {}",
        variables, results_.string(), kBin, in_.string(), out_.string(), arguments));
    EXPECT_EQ(outcome.code, 0) << outcome.text;
    return nlohmann::json::parse(test::read(out_ / "predict_from_raw_data_args.json"));
  };
  EXPECT_EQ(noted("nnUNet_npp=5 nnUNet_nps=many", "").at("num_processes_preprocessing"), 5);
  EXPECT_EQ(noted("nnUNet_npp=5 nnUNet_nps=many", "").at("num_processes_segmentation_export"), 3);
  EXPECT_FALSE(noted("nnUNet_npp=0 nnUNet_nps=0", "").contains("num_parts")) << "no processes, no parts";
  EXPECT_EQ(noted("nnUNet_npp=0 nnUNet_nps=0", "-nps 1").at("num_processes_segmentation_export"), 1);
}

TEST_F(V2Predict, PartsShareTheCases) {
  make_model();
  for (const char* const name : {"a", "b", "c"}) image(fmt::format("{}_0000.nii.gz", name), {3, 8, 8});
  ASSERT_EQ(by_name("-f 0 -num_parts 2 -part_id 1").code, 0);
  EXPECT_EQ(outputs(), with_descriptions({"b.nii.gz"}));
  ASSERT_EQ(by_name("-f 0 -num_parts 2").code, 0);
  EXPECT_EQ(outputs(), with_descriptions({"a.nii.gz", "b.nii.gz", "c.nii.gz"}));
  fs::remove_all(out_);
  ASSERT_EQ(by_name("-f 0 -num_parts 5 -part_id 4").code, 0) << "a part without cases";
  EXPECT_EQ(outputs(), kDescriptions);
  ASSERT_EQ(by_name("-f 0 -num_parts 2 -npp 0 -nps 0").code, 0);
  EXPECT_EQ(outputs(), with_descriptions({"a.nii.gz", "b.nii.gz", "c.nii.gz"})) << "parts do not count";
}

TEST_F(V2Predict, ContinuesWhereItStopped) {
  make_model();
  image("a_0000.nii.gz");
  image("b_0000.nii.gz");
  ASSERT_EQ(from_folder().code, 0);
  const auto untouched = fs::last_write_time(out_ / "a.nii.gz");
  fs::remove(out_ / "b.nii.gz");
  test::write(out_ / ".b.npy", "left by a run that was killed");
  const Outcome rest = from_folder("-f 0 --c");
  EXPECT_EQ(rest.code, 0);
  EXPECT_NE(rest.text.find("1 cases predicted, 1 kept"), std::string::npos) << rest.text;
  EXPECT_EQ(fs::last_write_time(out_ / "a.nii.gz"), untouched);
  EXPECT_EQ(outputs(), with_descriptions({"a.nii.gz", "b.nii.gz"})) << "nothing hidden is left";
  const Outcome more = from_folder("-f 0 --continue_prediction --save_probabilities");
  EXPECT_NE(more.text.find("2 cases predicted, 0 kept"), std::string::npos) << more.text;
  const Outcome done = from_folder("-f 0 --continue_prediction --save_probabilities");
  EXPECT_NE(done.text.find("0 cases predicted, 2 kept"), std::string::npos) << done.text;
}

TEST_F(V2Predict, OursKeepsWhatTheSameFoldsMade) {
  make_model({}, {"0", "1"});
  test::save_tiny_v2_fold(model_, {}, "0", "checkpoint_best.pth", 9);
  image("a_0000.nii.gz");
  image("b_0000.nii.gz");
  const Outcome first = nnunet_predict(usual() + "--folds 0 --overlays");
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_TRUE(fs::exists(out_ / "a.png"));
  const std::string zero = label("a.nii.gz");
  const auto says = [](const Outcome& o, const char* text) { return o.text.find(text) != std::string::npos; };
  EXPECT_TRUE(says(nnunet_predict(usual() + "--folds 0 --overlays"), "0 images segmented, 2 kept"));
  for (const char* const options :
       {"--folds 0 1", "--folds 0 --checkpoint checkpoint_best.pth", "--folds 0 --disable_tta"}) {
    const Outcome other = nnunet_predict(usual() + options);
    EXPECT_EQ(other.code, 0) << other.text;
    EXPECT_TRUE(says(other, "2 images segmented, 0 kept")) << options << other.text;
    EXPECT_NE(label("a.nii.gz"), zero) << options;
  }
  ASSERT_EQ(nnunet_predict(usual() + "--folds 0 --low_memory").code, 0);
  EXPECT_EQ(label("a.nii.gz"), zero) << "scratch files hold the same digits";
  EXPECT_EQ(nnunet_predict(usual() + "--folds 0 --precise").code, 0);
}

TEST_F(V2Predict, AZipIsItsFolder) {
  make_model({}, {"0", "1"});
  image("a_0000.nii.gz");
  ASSERT_EQ(nnunet_predict(usual()).code, 0);
  const std::string unpacked = label("a.nii.gz");
  fs::remove_all(out_);
  const path zipped = folder_ / "model.zip";
  std::ofstream file(zipped, std::ios::binary);
  ZipWriter zip(file);
  for (const std::string& name : files_in(results_)) {
    const std::string content = test::read(results_ / name);
    zip.add(name, std::as_bytes(std::span(content)));
  }
  zip.finish();
  file.close();
  model_ = zipped;
  const Outcome outcome = nnunet_predict(usual());
  ASSERT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_EQ(label("a.nii.gz"), unpacked);
  EXPECT_FAILS(nnunet_predict(usual() + "--folds 2"), "there is no fold 2");
}

TEST_F(V2Predict, OursTakesAFileAndGivesAFile) {
  make_model();
  image("a_0000.nii.gz");
  image("b_0000.nii.gz");
  ASSERT_EQ(nnunet_predict(usual()).code, 0);
  const path file = folder_ / "one.nii.gz";
  const Outcome one = nnunet_predict(fmt::format("--model '{}' --input '{}' --output '{}'", model_.string(),
                                                 (in_ / "b_0000.nii.gz").string(), file.string()));
  ASSERT_EQ(one.code, 0) << one.text;
  EXPECT_EQ(test::read(file), label("b.nii.gz"));
  const Outcome zipped_input = nnunet_predict(fmt::format("--model '{}' --input '{}' --output '{}'", model_.string(),
                                                          in_.string(), (folder_ / "all.nii.gz").string()));
  EXPECT_FAILS(zipped_input, "a folder of images cannot become one file");
}

TEST_F(V2Predict, PicturesOfThreeColours) {
  for (const std::string ending : {".png", ".bmp"}) {
    SCOPED_TRACE(ending);
    fs::remove_all(results_);
    fs::remove_all(in_);
    fs::remove_all(out_);
    fs::create_directory(in_);
    make_model(
        {.dim = 2, .channels = {"R", "G", "B"}, .ending = ending, .reader = "NaturalImage2DIO", .spacing = {1, 1}});
    Array<std::uint8_t> grey({1, 20, 30});
    for (std::size_t i = 0; i < grey.values.size(); ++i) grey.values[i] = static_cast<std::uint8_t>(i * 7 % 200);
    Geometry geometry;
    geometry.shape = {1, 20, 30};
    geometry.spacing = {999, 1, 1};
    write_label_file(in_ / ("grey_0000" + ending), grey, geometry);
    const Outcome refused = from_folder();
    EXPECT_FAILS(refused, "grey", "channel");
  }
}

TEST_F(V2Predict, LabelMapsComeBackOnTheFilesAxes) {
  // Axes of the file towards P, S and L; a voxel's value says where it is, and the label map must lie on it.
  Image turned = test::tiny_image({21, 10, 18});
  turned.geometry.affine = {{{0, 0, -1.2, 30}, {-1.0, 0, 0, 20}, {0, 2.1, 0, -11}, {0, 0, 0, 1}}};
  turned.geometry.spacing = {1.2, 2.1, 1.0};
  for (const char* const reader : {"SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient"}) {
    for (const std::vector<int>& transpose : {std::vector{0, 1, 2}, std::vector{2, 0, 1}}) {
      SCOPED_TRACE(fmt::format("{} {}", reader, transpose[0]));
      fs::remove_all(results_);
      fs::remove_all(out_);
      make_model({.reader = reader, .transpose = transpose});
      write_image(in_ / "a_0000.nii.gz", turned);
      const Outcome outcome = from_folder("-f 0 --save_probabilities");
      ASSERT_EQ(outcome.code, 0) << outcome.text;
      const WideLabelMap map = read_label_file(out_ / "a.nii.gz");
      EXPECT_EQ(map.geometry.shape, turned.geometry.shape);
      EXPECT_LT(affine_difference(map.geometry, turned.geometry), 1e-5);
      // Nothing but the frame of zeros is cropped, and only there all is background.
      std::int64_t foreground = 0;
      for (std::int64_t z = 0, i = 0; z < 21; ++z)
        for (std::int64_t y = 0; y < 10; ++y)
          for (std::int64_t x = 0; x < 18; ++x, ++i) {
            const bool labelled = map.voxels.values[static_cast<std::size_t>(i)] != 0;
            foreground += labelled ? 1 : 0;
            EXPECT_FALSE(labelled && (z < 1 || y < 2 || x < 3)) << z << ' ' << y << ' ' << x;
          }
      EXPECT_GT(foreground, 100);
    }
  }
}

TEST_F(V2Predict, VolumesOfOtherFormats) {
  const Array<std::uint8_t> voxels = [] {
    Array<std::uint8_t> v({9, 20, 22});
    for (std::size_t i = 0; i < v.values.size(); ++i) v.values[i] = static_cast<std::uint8_t>(1 + i * i % 97);
    return v;
  }();
  const Geometry geometry = test::tiny_image({9, 20, 22}, 1, {2.5, 0.75, 1.25}).geometry;
  for (const auto& [ending, reader] :
       {std::pair(".nrrd", "SimpleITKIO"), {".mha", "SimpleITKIO"}, {".nii", "NibabelIO"}, {".tif", "Tiff3DIO"}}) {
    SCOPED_TRACE(ending);
    fs::remove_all(results_);
    fs::remove_all(in_);
    fs::remove_all(out_);
    fs::create_directory(in_);
    make_model({.ending = ending, .reader = reader});
    const bool tif = std::string(ending) == ".tif";
    write_label_file(in_ / fmt::format("a_0000{}", ending), voxels, geometry);
    if (tif) {
      fs::remove(in_ / "a_0000.json");
      test::write(in_ / "a.json", "{\"spacing\": [2.5, 0.75, 1.25]}");
    }
    const Outcome outcome = from_folder();
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    std::set<std::string> expected{fmt::format("a{}", ending)};
    if (tif) expected.insert("a.json");
    EXPECT_EQ(outputs(), with_descriptions(expected));
    const WideLabelMap map = read_label_file(out_ / fmt::format("a{}", ending));
    EXPECT_EQ(map.geometry.shape, geometry.shape);
    for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(map.geometry.spacing[a], geometry.spacing[a], 1e-6);
    if (!tif) {
      EXPECT_LT(affine_difference(map.geometry, geometry), 1e-5);
    }
    const Outcome ours = nnunet_predict(fmt::format("--model '{}' --input '{}' --output '{}'", model_.string(),
                                                    in_.string(), (folder_ / "again").string()));
    EXPECT_EQ(ours.code, 0) << ours.text;
    EXPECT_EQ(read_label_file(folder_ / "again" / fmt::format("a{}", ending)).voxels.values, map.voxels.values);
    fs::remove_all(folder_ / "again");
  }
}

}  // namespace
}  // namespace nnunet
