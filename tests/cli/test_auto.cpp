// nnunet auto from outside: a dataset becomes models, a report and a command that predicts.
#include <cmath>

#include "nnunet/io/image_file.h"
#include "nnunet/v2/python_json.h"
#include "program.h"
#include "reference/shared.h"

using namespace nnunet::test;

namespace {

/// Five volumes with a bright ball in noise, as a task of the Medical Segmentation Decathlon.
class Balls {
 public:
  explicit Balls(const fs::path& folder) : folder_(folder / "Task07_Balls") {
    for (int i = 0; i < 5; ++i) add("ball_" + std::to_string(i), 0.8 + 0.05 * i);
    describe(5);
  }

  const fs::path& path() const { return folder_; }
  void describe(int cases) const {
    write(folder_ / "dataset.json", R"({"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "ball"},
      "training": [], "test": [], "numTraining": )" +
                                        std::to_string(cases) + "}");
  }
  void add(const std::string& name, double share) const {
    const nnunet::Shape3 shape{16, 20, 18};
    nnunet::Image image{nnunet::Array<float>({1, shape[0], shape[1], shape[2]}), {}};
    nnunet::Array<std::uint8_t> label({shape[0], shape[1], shape[2]});
    for (std::size_t i = 0; i < label.values.size(); ++i) {
      const std::size_t x = i % 18, y = i / 18 % 20, z = i / (18 * 20);
      const double distance = std::hypot(double(x) - 9, double(y) - 8, double(z) - 8);
      label.values[i] = distance < 6 * share ? 1 : 0;
      image.voxels.values[i] = float(label.values[i] + 0.3 * std::sin(double(i * i)));
    }
    image.geometry.shape = shape;
    image.geometry.spacing = {1, 1, 1};
    image.geometry.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
    const std::string file = name + ".nii.gz";
    fs::create_directories(folder_ / "imagesTr");
    fs::create_directories(folder_ / "labelsTr");
    nnunet::write_image(folder_ / "imagesTr" / file, image);
    nnunet::write_label_file(folder_ / "labelsTr" / file, label, image.geometry);
  }

 private:
  fs::path folder_;
};

std::string line_after(const std::string& text, const std::string& beginning) {
  const std::size_t at = text.find(beginning);
  if (at == std::string::npos) return "";
  return text.substr(at + beginning.size(), text.find('\n', at) - at - beginning.size());
}

TEST(Auto, FaultsInTheDatasetEndItBeforeAnyTraining) {
  const TempFolder folder;
  const Balls balls(folder.path());
  write(balls.path() / "imagesTr/ball_3.nii.gz", "damaged");
  fs::remove(balls.path() / "labelsTr/ball_1.nii.gz");
  const std::string output = (folder / "run").string();
  EXPECT_FAILS(nnunet_run("auto --device cpu --dataset " + balls.path().string() + " --output " + output),
               "faults were found", "ball_1", "ball_3", "finding");
  EXPECT_FALSE(fs::exists(output + "/nnUNet_preprocessed"));
  EXPECT_FALSE(fs::exists(output + "/nnUNet_results"));
}

TEST(Auto, RefusesWhatCannotBe) {
  const TempFolder folder;
  const Balls balls(folder.path());
  const std::string with = "auto --device cpu --dataset " + balls.path().string() + " --output ";
  const auto output = [&](const std::string& name) { return (folder / name).string(); };
  EXPECT_FAILS(nnunet_run(with + output("a") + " --hours 0"), "--hours");
  EXPECT_FAILS(nnunet_run(with + output("b") + " --folds 0 all"), "--folds");
  EXPECT_FAILS(nnunet_run(with + output("c") + " --configurations 3d_cascade_fullres"), "3d_lowres");
  EXPECT_FAILS(nnunet_run(with + output("d") + " --amp --fp32"), "--amp and --fp32");
  EXPECT_FAILS(nnunet_run("auto --device cpu --dataset " + output("none") + "/Task01_None --output " + output("e")),
               "no such folder");
  for (const fs::path& inside : {balls.path(), balls.path() / "new/run"})
    EXPECT_FAILS(nnunet_run(with + inside.string()), inside.string(), "inside of the dataset");
  EXPECT_FALSE(fs::exists(balls.path() / "auto.json") || fs::exists(balls.path() / "new"));
  fs::remove(balls.path() / "imagesTr/ball_4.nii.gz");
  fs::remove(balls.path() / "labelsTr/ball_4.nii.gz");
  balls.describe(4);
  EXPECT_FAILS(nnunet_run(with + output("f")), "too few for five folds", "--folds all");
}

// Two configurations, so that their ensemble is tried, too.
TEST(Auto, WholeWay) {
  const TempFolder folder;
  const Balls balls(folder.path());
  const fs::path output = folder / "run";
  const std::string command =
      "auto --device cpu --fp32 --hours 0.01 --folds 0 --epochs 2 --iterations 2 "
      "--configurations 3d_fullres 2d --dataset " +
      balls.path().string() + " --output " + output.string();
  const Outcome first = nnunet_run(command);
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_NE(first.text.find("the plan:"), std::string::npos) << first.text;
  EXPECT_NE(first.text.find("2 epochs of 2 batches, as asked for"), std::string::npos) << first.text;
  const std::string report = read(output / "report.html");
  for (const char* const part : {"Dataset007_Balls", "nnUNetTrainerAuto__nnUNetPlans__2d", "ensemble___", "ball_",
                                 "train 3d_fullres, fold 0", "data:image/png;base64,"})
    EXPECT_NE(report.find(part), std::string::npos) << part;
  EXPECT_FALSE(has_leftovers(output));

  // The command that it names predicts.
  const std::string predict = line_after(first.text, "predict by: ");
  const fs::path images = folder / "images", labels = folder / "labels";
  fs::create_directories(images);
  fs::copy_file(balls.path() / "imagesTr/ball_0.nii.gz", images / "new_0000.nii.gz");
  ASSERT_TRUE(predict.ends_with(" IMAGES LABEL_MAPS")) << predict;
  const Outcome predicted = shell(predict.substr(0, predict.find(" IMAGES")) + " " + images.string() + " " +
                                  labels.string() + " -device cpu");
  ASSERT_EQ(predicted.code, 0) << predicted.text;
  EXPECT_EQ(nnunet::read_label_file(labels / "new.nii.gz").voxels.shape, (std::vector<std::int64_t>{16, 20, 18}));
  EXPECT_FALSE(fs::exists(labels / ".steps"));

  // What is done is not done again; nothing is overwritten by accident.
  EXPECT_FAILS(nnunet_run(command), "--continue");
  EXPECT_FAILS(nnunet_run(command + " --continue --seed 2"), "--seed");
  const auto trained = fs::last_write_time(output /
                                           "nnUNet_results/Dataset007_Balls/nnUNetTrainerAuto__nnUNetPlans__2d/"
                                           "fold_0/checkpoint_final.pth");
  const Outcome again = nnunet_run(command + " --continue");
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_EQ(line_after(again.text, "predict by: "), predict);
  EXPECT_EQ(fs::last_write_time(output / "nnUNet_results/Dataset007_Balls/nnUNetTrainerAuto__nnUNetPlans__2d/fold_0/"
                                         "checkpoint_final.pth"),
            trained);

  // A stage that is taken off the record is made up for.
  nnunet::v2::Json record = nnunet::v2::read_python_json(output / "auto.json");
  record["stages"].erase("train 2d, fold 0");
  record["stages"].erase("compare");
  nnunet::v2::write_python_json(output / "auto.json", record, nnunet::v2::Keys::as_they_are);
  const Outcome resumed = nnunet_run(command + " --continue");
  EXPECT_EQ(resumed.code, 0) << resumed.text;
  EXPECT_NE(resumed.text.find("all 2 epochs are done"), std::string::npos) << resumed.text;
}

TEST(Auto, AllCasesTogether) {
  const TempFolder folder;
  const Balls balls(folder.path());
  const fs::path output = folder / "run";
  const Outcome outcome =
      nnunet_run("auto --device cpu --fp32 --hours 0.01 --folds all --epochs 1 --iterations 2 --dataset " +
                 balls.path().string() + " --output " + output.string());
  ASSERT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_NE(read(output / "report.html").find("on the cases that it was trained on"), std::string::npos);
  EXPECT_NE(read(output / "predict.sh").find("-f all"), std::string::npos);
}

}  // namespace
