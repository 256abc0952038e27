#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nnunet/io/nifti.h"
#include "reference/shared.h"
#include "serve/client.h"
#include "server.h"

// Models of nnU-Net v2 behind `nnunet serve`: the label maps are those of `nnunet predict --model`, byte for byte.
namespace nnunet {
namespace {

using namespace test;
using Json = nlohmann::json;

const char* const kHippocampus = "Dataset004_Hippocampus/nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres";
const char* const kCascade = "Dataset004_Hippocampus/nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_cascade_fullres";
const char* const kRegions = "Dataset996_HippocampusRegionsIgnore/nnUNetTrainer_1epoch__nnUNetPlansNarrow__3d_fullres";
const char* const kTwoChannels = "Dataset023_TwoMR/nnUNetTrainer_onlyMirror01__nnUNetPlansNarrow__3d_fullres";

std::string model_folder(const char* name) {
  return (shared_dir() / "reference-v2/run/models" / name).string();
}

/// One image of the hippocampus, and one of two channels, each channel a file (its axes are transposed by the model).
class ServedV2 : public testing::Test {
 protected:
  static void make_images(const fs::path& folder) {
    const fs::path source = shared_dir() / "data/Task04_Hippocampus/imagesTr";
    fs::create_directories(folder / "one");
    fs::create_directories(folder / "two");
    fs::path first;
    for (const auto& entry : fs::directory_iterator(source))
      if (is_nifti_name(entry.path()) && (first.empty() || entry.path() < first)) first = entry.path();
    fs::copy_file(first, folder / "one/hippocampus_0000.nii.gz");
    Image image = read_nifti(first);
    write_image(folder / "two/head_0000.nii.gz", image);
    for (float& value : image.voxels.values) value = 300 - value;
    write_image(folder / "two/head_0001.nii.gz", image);
  }

  void SetUp() override {
    NNUNET_NEEDS_SHARED("reference-v2/run/models");
    NNUNET_NEEDS_SHARED("data/Task04_Hippocampus/imagesTr");
    make_images(folder_.path());
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  std::string predicted(const char* model, const std::string& images, const std::string& options = {}) const {
    static int runs = 0;
    const std::string output = at("predicted" + std::to_string(runs++));
    const Outcome run = nnunet_run("predict --gpus 0 --model " + model_folder(model) + " --input " + at(images) +
                                   " --output " + output + " " + options);
    EXPECT_EQ(run.code, 0) << run.text;
    return output;
  }

  TempFolder folder_;
};

TEST_F(ServedV2, LabelMapsAreThoseOfPredict) {
  Server server("--gpus 0 --model labels=" + model_folder(kHippocampus) + " --model regions=" + model_folder(kRegions) +
                " --model two=" + model_folder(kTwoChannels));
  ASSERT_NE(server.port(), 0) << server.log();
  for (const auto& [name, model] : {std::pair{"labels", kHippocampus}, {"regions", kRegions}}) {
    const std::string wanted = read(predicted(model, "one") + "/hippocampus.nii.gz");
    const std::string path = std::string("/v1/segment/") + name;
    const Reply found = request(server.port(), "POST", path, read(at("one/hippocampus_0000.nii.gz")));
    ASSERT_EQ(found.status, 200) << found.body;
    EXPECT_TRUE(found.body == wanted) << name;
  }
  const std::string wanted = read(predicted(kTwoChannels, "two") + "/head.nii.gz");
  const Reply form = request(server.port(), "POST", "/v1/segment/two", {}, {},
                             {{"b", read(at("two/head_0001.nii.gz")), "head_0001.nii.gz"},
                              {"a", read(at("two/head_0000.nii.gz")), "head_0000.nii.gz"}});
  ASSERT_EQ(form.status, 200) << form.body;
  EXPECT_TRUE(form.body == wanted);
  Image both = read_nifti(at("two/head_0000.nii.gz"));
  const Image second = read_nifti(at("two/head_0001.nii.gz"));
  both.voxels.values.insert(both.voxels.values.end(), second.voxels.values.begin(), second.voxels.values.end());
  both.voxels.shape[0] = 2;
  const auto bytes = encode_image(both, true);
  const Reply whole = request(server.port(), "POST", "/v1/segment/two",
                              std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  ASSERT_EQ(whole.status, 200) << whole.body;
  const auto map = [](const std::string& file) {
    return read_label_map(std::as_bytes(std::span(file)), "label map").voxels.values;
  };
  EXPECT_EQ(map(whole.body), map(wanted));

  const Json models = Json::parse(request(server.port(), "GET", "/v1/models").body);
  ASSERT_EQ(models.size(), 3U);
  EXPECT_EQ(models[0].at("structures").dump(), R"([{"name":"Anterior","value":1},{"name":"Posterior","value":2}])");
  EXPECT_EQ(models[0].at("file_ending"), ".nii.gz");
  EXPECT_EQ(models[1].at("structures").dump(),
            R"([{"name":"anterior","value":1},{"name":"hippocampus without anterior","value":2}])");
  EXPECT_EQ(models[1].at("regions"), true);
  EXPECT_EQ(models[2].at("channel_names").dump(), R"(["T1","T2"])");
  EXPECT_EQ(server.stop(), 0) << server.log();
}

TEST_F(ServedV2, TensorsGetLogitsOfRegionsAndLabels) {
  Server server("--gpus 0 --disable_tta --model regions=" + model_folder(kRegions));
  ASSERT_NE(server.port(), 0) << server.log();
  const Json patch = Json::parse(request(server.port(), "GET", "/v2/models/regions").body);
  EXPECT_EQ(patch.at("inputs")[0].at("shape").dump(), "[-1,1,24,32,24]");
  EXPECT_EQ(patch.at("outputs")[0].at("shape").dump(), "[-1,2,24,32,24]");

  const Image image = read_nifti(at("one/hippocampus_0000.nii.gz"));
  const std::size_t bytes = image.voxels.values.size() * sizeof(float);
  const Json volume{{"name", "INPUT__0"},
                    {"datatype", "FP32"},
                    {"shape", image.voxels.shape},
                    {"parameters", {{"binary_data_size", bytes}}}};
  const Json spacing{{"name", "INPUT__1"}, {"datatype", "FP32"}, {"shape", {3}}, {"data", image.geometry.spacing}};
  std::string body = Json{{"inputs", {volume, spacing}}, {"parameters", {{"binary_data_output", true}}}}.dump();
  const std::string length = "Inference-Header-Content-Length: " + std::to_string(body.size());
  body.append(reinterpret_cast<const char*>(image.voxels.data()), bytes);
  const Reply reply = request(server.port(), "POST", "/v2/models/regions_volume/infer", body, {length});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto wanted = read_label_map(predicted(kRegions, "one", "--disable_tta") + "/hippocampus.nii.gz").voxels.values;
  EXPECT_TRUE(reply.body.substr(std::stoul(reply.headers.at("inference-header-content-length"))) ==
              std::string(wanted.begin(), wanted.end()));
  EXPECT_EQ(server.stop(), 0) << server.log();
}

TEST_F(ServedV2, ClientGetsTheSameFilesAndGoesOnWithThoseOfPredict) {
  Server server("--gpus 0 --folds 0 --disable_tta --model labels=" + model_folder(kHippocampus));
  ASSERT_NE(server.port(), 0) << server.log();
  const std::string to = "client --url http://127.0.0.1:" + std::to_string(server.port()) + " --model labels --input " +
                         at("one") + " --output ";
  const std::string wanted = predicted(kHippocampus, "one", "--folds 0 --disable_tta");
  const Outcome run = nnunet_run(to + at("served"));
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_TRUE(read(at("served/hippocampus.nii.gz")) == read(wanted + "/hippocampus.nii.gz"));
  const Outcome again = nnunet_run(to + wanted);
  EXPECT_NE(again.text.find("1 kept"), std::string::npos) << again.text;
  EXPECT_EQ(server.stop(), 0) << server.log();

  Server two("--gpus 0 --disable_tta --precise --model two=" + model_folder(kTwoChannels));
  ASSERT_NE(two.port(), 0) << two.log();
  const Outcome channels = nnunet_run("client --url http://127.0.0.1:" + std::to_string(two.port()) +
                                      " --model two --input " + at("two") + " --output " + at("served2"));
  ASSERT_EQ(channels.code, 0) << channels.text;
  EXPECT_TRUE(read(at("served2/head.nii.gz")) ==
              read(predicted(kTwoChannels, "two", "--disable_tta --precise") + "/head.nii.gz"));
  EXPECT_EQ(two.stop(), 0) << two.log();
}

TEST_F(ServedV2, CheckpointsAloneAreModelsWhereImagesAreSegmented) {
  const std::string file = model_folder(kHippocampus) + "/fold_0/checkpoint_final.pth";
  const Outcome run = nnunet_run("predict --gpus 0 --disable_tta --ckpt_path " + file + " --input " + at("one") +
                                 " --output " + at("alone"));
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_TRUE(read(at("alone/hippocampus.nii.gz")) ==
              read(predicted(kHippocampus, "one", "--folds 0 --disable_tta") + "/hippocampus.nii.gz"));
  EXPECT_FAILS(nnunet_run("predict --gpus 0 --ckpt_path " + file + " " + file + " --input " + at("one") + " --output " +
                          at("none")),
               "--folds");
}

TEST_F(ServedV2, RefusesWhatItHasNoWayFor) {
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --port 0 --grpc_port -1 --model a=" + model_folder(kCascade)),
               "previous stage");
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --port 0 --grpc_port -1 --model a=" + model_folder(kHippocampus) +
                          " --model a=" + model_folder(kHippocampus)),
               "several times", "--folds");
  EXPECT_FAILS(nnunet_run("serve --gpus 0 --port 0 --grpc_port -1 --folds 7 --model a=" + model_folder(kHippocampus)),
               "no fold 7");
}

TEST_F(ServedV2, ExportsSayWhatTheirNumbersMean) {
  const Outcome onnx =
      nnunet_run("export --ckpt_path " + model_folder(kRegions) + " --format onnx --output " + at("onnx"));
  ASSERT_EQ(onnx.code, 0) << onnx.text;
  const std::string file = read(at("onnx/model.onnx"));
  for (const char* text : {R"(["hippocampus","anterior"])", "sigmoid", R"("region_values":[2,1])"})
    EXPECT_NE(file.find(text), std::string::npos) << text;
  EXPECT_FAILS(
      nnunet_run("export --ckpt_path " + model_folder(kRegions) + " --argmax --format onnx --output " + at("onnx")),
      "regions");
  EXPECT_FAILS(nnunet_run("export --ckpt_path " + model_folder(kHippocampus) + " --format onnx --output " + at("onnx")),
               "2 networks", "--folds");
}

}  // namespace
}  // namespace nnunet
