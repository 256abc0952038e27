#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>

#include "nnunet/core/error.h"
#include "nnunet/infer/predict_images.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"
#include "tiny.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

class PredictImages : public testing::Test {
 protected:
  PredictImages() {
    fs::create_directories(in());
    options_.input = in();
    options_.output = temp_ / "out";
  }
  fs::path in() const { return temp_ / "in"; }
  fs::path out(const std::string& name) const { return temp_ / "out" / name; }
  void add(const std::string& name, std::int64_t channels = 1, const Shape3& shape = {9, 18, 20}) {
    write_image(in() / name, test::tiny_image(shape, channels));
  }
  Predictor predictor(int channels = 1) const {
    return Predictor({test::tiny_checkpoint(test::tiny_config(3, channels))}, {}, kCpu, Precision::fp32);
  }
  ImagePredictionResult run(int channels = 1) {
    Predictor p = predictor(channels);
    return predict_images(p, options_);
  }
  std::vector<std::string> names(int channels) const {
    std::vector<std::string> result;
    for (const auto& c : list_image_cases(options_.input, channels))
      result.push_back(c.name + (c.problem.empty() ? "" : "!"));
    return result;
  }

  test::TempFolder temp_;
  ImagePredictionOptions options_;
};

// Images that are no files by themselves, and labels written by somebody else.
TEST_F(PredictImages, ReadersAndWritersMayBeAnothers) {
  add("source.nii.gz");
  const Image image = test::tiny_image({9, 18, 20});
  ImageCase c{"1.2.3", {in() / "source.nii.gz"}, {}};
  c.read = [&] { return image; };
  options_.cases = {c};
  std::vector<std::string> written;
  options_.write_labels = [&](const ImageCase& of, const Array<std::uint16_t>& labels, const Geometry& geometry,
                              const fs::path& path) {
    written.push_back(of.name + " " + path.filename().string() + " " + shape_text(labels.shape));
    EXPECT_EQ(affine_difference(geometry, image.geometry), 0);
    std::ofstream(path) << "labels";
  };
  EXPECT_EQ(run().predicted, 1);
  EXPECT_EQ(written, std::vector<std::string>{"1.2.3 1.2.3.nii.gz 9x18x20"});
  EXPECT_EQ(run().kept, 1);

  options_.write_labels = {};
  options_.overwrite = true;
  options_.output = temp_ / "one.nii.gz";  // although the input is a folder
  EXPECT_EQ(run().predicted, 1);
  Predictor p = predictor();
  EXPECT_EQ(read_label_map(temp_ / "one.nii.gz").voxels.values, p.segment("x", image).voxels.values);
  options_.cases.push_back(c);
  EXPECT_THROW(run(), Error);  // two would have one file
}

TEST_F(PredictImages, FolderToFolder) {
  add("b.nii.gz");
  add("a.nii");
  std::ofstream(in() / "notes.txt") << "no image";
  const auto result = run();
  EXPECT_EQ(result.predicted, 2);
  EXPECT_EQ(result.failed, 0);
  const Image image = read_nifti(in() / "a.nii");
  Predictor p = predictor();
  const LabelMap label = read_label_map(out("a.nii.gz"), 3);
  EXPECT_EQ(label.voxels.values, p.segment("a", image).voxels.values);
  EXPECT_EQ(affine_difference(label.geometry, image.geometry), 0);
  EXPECT_TRUE(fs::exists(out("b.nii.gz")));
}

TEST_F(PredictImages, FileToFile) {
  add("a.nii.gz");
  options_.input = in() / "a.nii.gz";
  options_.output = temp_ / "deep/er/label.nii";
  EXPECT_EQ(run().predicted, 1);
  EXPECT_TRUE(fs::exists(options_.output));
  EXPECT_EQ(run().kept, 1);
  options_.output = temp_ / "deep/er/label.nii.gz";  // another file beside it
  EXPECT_EQ(run().predicted, 1);
}

TEST_F(PredictImages, ChannelsMayBeNamedOneByOne) {
  for (const char* const name : {"x.nii.gz", "y.nii.gz", "z_0000.nii.gz", "z_0001.nii.gz"}) add(name);
  options_.input = in() / "z_0000.nii.gz";
  options_.output = temp_ / "of_names.nii.gz";
  EXPECT_EQ(run(2).predicted, 1);
  options_.input = in() / "x.nii.gz";
  options_.more_channels = {in() / "y.nii.gz"};
  options_.output = temp_ / "one_by_one.nii.gz";
  EXPECT_EQ(run(2).predicted, 1);
  EXPECT_EQ(read_label_map(temp_ / "of_names.nii.gz", 3).voxels.values,
            read_label_map(options_.output, 3).voxels.values);
  EXPECT_THROW(run(3), Error);
  options_.more_channels = {in() / "absent.nii.gz"};
  EXPECT_THROW(run(2), Error);
  options_.more_channels = {in() / "y.nii.gz"};
  options_.output = in() / "y.nii.gz";
  EXPECT_THROW(run(2), Error);
}

TEST_F(PredictImages, MapsOfOthersAreRefusedUnlessOverwrite) {
  add("a.nii.gz");
  add("b.nii.gz");
  fs::create_directories(temp_ / "out");
  std::ofstream(out("a.nii.gz")) << "mine";
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(fs::file_size(out("a.nii.gz")), 4U);
  EXPECT_FALSE(fs::exists(out("b.nii.gz")));
  options_.overwrite = true;
  EXPECT_EQ(run().predicted, 2);
  EXPECT_GT(fs::file_size(out("a.nii.gz")), 4U);
  options_.overwrite = false;
  EXPECT_EQ(run().kept, 2);
}

TEST_F(PredictImages, MapsOfAnotherNetworkOrOptionsAreMadeAnew) {
  for (const char* name : {"a.nii.gz", "b.nii.gz", "c.nii.gz"}) add(name);
  const Checkpoint one = test::tiny_checkpoint(test::tiny_config(3), 1);
  const Checkpoint two = test::tiny_checkpoint(test::tiny_config(3), 2);
  const auto predict = [&](const std::vector<Checkpoint>& networks, const PredictorOptions& windows = {}) {
    Predictor p(networks, windows, kCpu, Precision::fp32);
    const auto result = predict_images(p, options_);
    EXPECT_EQ(result.failed, 0);
    for (const auto& c : list_image_cases(in(), 1)) {  // whatever was there before
      if (!fs::exists(out(c.name + ".nii.gz"))) continue;
      EXPECT_EQ(read_label_map(out(c.name + ".nii.gz")).voxels.values,
                p.segment(c.name, read_nifti(c.channels[0])).voxels.values)
          << c.name;
    }
    return std::to_string(result.predicted) + " made, " + std::to_string(result.kept) + " kept";
  };
  options_.limit = 2;
  EXPECT_EQ(predict({one}), "2 made, 0 kept");
  options_.limit = 0;
  EXPECT_EQ(predict({two}), "3 made, 0 kept");  // no mixture of both
  EXPECT_EQ(predict({two}), "0 made, 3 kept");
  EXPECT_EQ(predict({one, two}), "3 made, 0 kept");
  EXPECT_EQ(predict({two, one}), "0 made, 3 kept") << "a mean has no order";
  EXPECT_EQ(predict({two, two}), "3 made, 0 kept");
  EXPECT_EQ(predict({one}, {0.5, Blend::gaussian, 0, true}), "3 made, 0 kept");
  EXPECT_EQ(predict({one}, {0.5, Blend::constant, 0, true}), "3 made, 0 kept");
  EXPECT_EQ(predict({one}, {0.25, Blend::constant, 0, true}), "3 made, 0 kept");
  EXPECT_EQ(predict({one}, {0.25, Blend::constant, 2, true}), "0 made, 3 kept") << "windows at a time";
  Checkpoint other = one;  // the same weights after another preprocessing
  other.data.spacings = {2.0, 1.5, 1.5};
  EXPECT_EQ(predict({other}), "3 made, 0 kept");
}

TEST_F(PredictImages, MapsOfChangedImagesAreMadeAnew) {
  for (const char* name : {"a.nii", "b.nii", "c_0000.nii", "c_0001.nii"}) add(name, name[0] == 'c' ? 1 : 2);
  EXPECT_EQ(run(2).predicted, 3);
  const auto before = read_text(out("b.nii.gz"));
  Image changed = read_nifti(in() / "b.nii");
  for (float& v : changed.voxels.values) v = 10 - v;
  const auto size = fs::file_size(in() / "b.nii");
  write_image(in() / "b.nii", changed);
  ASSERT_EQ(fs::file_size(in() / "b.nii"), size);
  auto result = run(2);
  EXPECT_EQ(result.predicted, 1);
  EXPECT_EQ(result.kept, 2);
  EXPECT_NE(read_text(out("b.nii.gz")), before);
  changed = read_nifti(in() / "c_0001.nii");
  changed.voxels.values[700] += 20;
  write_image(in() / "c_0001.nii", changed);
  EXPECT_EQ(run(2).predicted, 1);
  // The same images elsewhere, with other times.
  fs::copy(in(), temp_ / "copy");
  options_.input = temp_ / "copy";
  EXPECT_EQ(run(2).kept, 3);
  EXPECT_EQ(run(2).kept, 3);
}

TEST_F(PredictImages, EditedMapsAreNotReplaced) {
  add("a.nii.gz");
  EXPECT_EQ(run().predicted, 1);
  LabelMap edited = read_label_map(out("a.nii.gz"));
  edited.voxels.values[0] = 1;
  write_label_map(out("a.nii.gz"), edited);
  EXPECT_EQ(run().kept, 1);
  Predictor tta({test::tiny_checkpoint(test::tiny_config(3))}, {0.5, Blend::gaussian, 0, true}, kCpu, Precision::fp32);
  EXPECT_THROW(predict_images(tta, options_), Error);
  EXPECT_EQ(read_label_map(out("a.nii.gz")).voxels.values, edited.voxels.values);
  options_.overwrite = true;
  EXPECT_EQ(predict_images(tta, options_).predicted, 1);
}

TEST_F(PredictImages, PartsBesideEachOtherLeaveWhatOneProcessLeaves) {
  for (const char* name : {"a", "b", "c", "d", "e"}) add(name + std::string(".nii.gz"));
  const auto snapshot = [&] {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(options_.output))
      if (entry.is_regular_file())
        files[entry.path().lexically_relative(options_.output).string()] = read_text(entry.path());
    return files;
  };
  run();
  const auto alone = snapshot();
  EXPECT_EQ(alone.size(), 10U);  // a record each
  fs::remove_all(options_.output);
  const auto part = [&](int id) {
    ImagePredictionOptions own = options_;
    own.part = {id, 2};
    Predictor p = predictor();
    EXPECT_EQ(predict_images(p, own).failed, 0);
  };
  std::thread other([&] { part(1); });
  part(0);
  other.join();
  EXPECT_EQ(snapshot(), alone);
  EXPECT_EQ(run().kept, 5);
}

TEST_F(PredictImages, PartsShareTheImages) {
  for (const char* name : {"a", "b", "c", "d", "e"}) add(name + std::string(".nii.gz"));
  options_.part = {0, 2};
  fs::create_directories(options_.output);
  std::ofstream(out("a.nii.gz.tmp.12.3")) << "left by a killed run of this part";
  std::ofstream(out("b.nii.gz.tmp.12.3")) << "of the other one";
  EXPECT_EQ(run().predicted, 3);
  EXPECT_FALSE(fs::exists(out("a.nii.gz.tmp.12.3")));
  EXPECT_TRUE(fs::exists(out("b.nii.gz.tmp.12.3")));
  EXPECT_TRUE(fs::exists(out("e.nii.gz")));
  EXPECT_FALSE(fs::exists(out("b.nii.gz")));
  options_.part = {1, 2};
  EXPECT_EQ(run().predicted, 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.output), {}), 6);  // and .nnunet
  fs::remove(out("d.nii.gz"));
  EXPECT_EQ(run().predicted, 1);
  options_.part = {};
  EXPECT_EQ(run().kept, 5);
}

TEST_F(PredictImages, ProbabilitiesAndOverlays) {
  add("a.nii.gz");
  options_.save_probabilities = true;
  options_.overlays = true;
  EXPECT_EQ(run().predicted, 1);
  const auto p = read_npy<float>(out("probabilities/a.npy"));
  EXPECT_EQ(p.shape, (std::vector<std::int64_t>{3, 9, 18, 20}));
  EXPECT_EQ(p.values[0], 1);
  const auto label = read_label_map(out("a.nii.gz"), 3);
  const std::size_t n = label.voxels.values.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < 3; ++k) ASSERT_LE(p.values[k * n + i], p.values[label.voxels.values[i] * n + i] + 1e-6);
  EXPECT_GT(fs::file_size(out("a.png")), 100U);
  EXPECT_EQ(run().kept, 1);
  fs::remove(out("a.png"));  // a missing part is made
  EXPECT_EQ(run().predicted, 1);
  // What was made with another map does not stay beside a new one.
  options_.save_probabilities = options_.overlays = false;
  options_.overwrite = true;
  EXPECT_EQ(run().predicted, 1);
  EXPECT_FALSE(fs::exists(out("probabilities/a.npy")));
  EXPECT_FALSE(fs::exists(out("a.png")));
}

TEST_F(PredictImages, ChannelsInFilesOrInOne) {
  add("case_0000.nii.gz");
  add("case_0001.nii.gz");
  add("whole.nii.gz", 2);
  add("BRATS_0001.nii.gz", 2);  // all channels, whatever its name
  EXPECT_EQ(names(2), (std::vector<std::string>{"BRATS_0001", "case", "whole"}));
  EXPECT_EQ(names(1), (std::vector<std::string>{"BRATS_0001", "case_0000", "case_0001", "whole"}));
  const auto cases = list_image_cases(in(), 2);
  const Image image = read_image_case(cases[1]);
  EXPECT_EQ(image.voxels.shape, (std::vector<std::int64_t>{2, 9, 18, 20}));
  const Image first = read_nifti(in() / "case_0000.nii.gz");
  EXPECT_TRUE(std::equal(first.voxels.values.begin(), first.voxels.values.end(), image.voxels.values.begin()));
  EXPECT_EQ(run(2).predicted, 3);
  EXPECT_TRUE(fs::exists(out("case.nii.gz")));
  // One channel as the input stands for all.
  options_.input = in() / "case_0001.nii.gz";
  options_.output = temp_ / "one.nii.gz";
  EXPECT_EQ(names(2), std::vector<std::string>{"case"});
  EXPECT_EQ(run(2).predicted, 1);
}

TEST_F(PredictImages, MissingChannelsAndDoubledNames) {
  add("case_0000.nii.gz");
  add("case_0002.nii.gz");
  add("twice.nii.gz", 2);
  add("twice.nii", 2);
  EXPECT_EQ(names(2), (std::vector<std::string>{"case!", "twice!"}));  // which of the two was meant?
  EXPECT_EQ(list_image_cases(in(), 2)[0].problem,
            "the network takes 2 channels, case_0000 to case_0001; found case_0000, case_0002");
  const auto result = run(2);
  EXPECT_EQ(result.predicted, 0);
  EXPECT_EQ(result.failed, 2);
  EXPECT_FALSE(fs::exists(out("case.nii.gz")));
}

TEST_F(PredictImages, ChannelsOfDifferentShapes) {
  add("case_0000.nii.gz");
  add("case_0001.nii.gz", 1, {9, 18, 21});
  EXPECT_THROW(read_image_case(list_image_cases(in(), 2)[0]), Error);
}

TEST_F(PredictImages, ABadImageDoesNotStopTheOthers) {
  add("a.nii.gz");
  add("z.nii.gz");
  add("channels.nii.gz", 2);
  std::ofstream(in() / "broken.nii.gz") << "not gzip";
  std::ofstream(in() / "empty.nii");
  Image zeros = test::tiny_image({4, 4, 4});
  std::ranges::fill(zeros.voxels.values, 0.0F);
  write_image(in() / "zeros.nii.gz", zeros);
  const auto result = run();
  EXPECT_EQ(result.predicted, 2);
  EXPECT_EQ(result.failed, 4);
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_ / "out"), fs::directory_iterator()), 3);  // and .nnunet
}

TEST_F(PredictImages, InputsAreNeverModified) {
  add("a.nii.gz");
  const auto size = fs::file_size(in() / "a.nii.gz");
  const auto refused = [&](const fs::path& input, const fs::path& output) {
    options_.input = input;
    options_.output = output;
    options_.overwrite = true;
    EXPECT_THROW(run(), Error) << input << " -> " << output;
  };
  refused(in(), in());
  refused(in(), in() / "out");
  refused(in(), temp_ / "in/../in/labels");
  refused(in() / "a.nii.gz", in() / "a.nii.gz");
  refused(in() / "a.nii.gz", in());
  fs::create_directory_symlink(in(), temp_ / "link");
  refused(in(), temp_ / "link");
  refused(in() / "a.nii.gz", temp_ / "link/a.nii.gz");
  refused(in(), temp_ / "one.nii.gz");  // a folder cannot become a file
  EXPECT_EQ(fs::file_size(in() / "a.nii.gz"), size);
  EXPECT_EQ(std::distance(fs::directory_iterator(in()), fs::directory_iterator()), 1);
  // A folder beside the input is fine, also one whose name starts like the input's.
  options_.input = in();
  options_.output = temp_ / "inside";
  EXPECT_EQ(run().predicted, 1);
}

TEST_F(PredictImages, NothingToSegment) {
  EXPECT_THROW(run(), Error);  // empty folder
  options_.input = temp_ / "absent";
  EXPECT_THROW(run(), Error);
  std::ofstream(temp_ / "image.png") << "no";
  options_.input = temp_ / "image.png";
  EXPECT_THROW(run(), Error);
}

TEST_F(PredictImages, OutputThatCannotBeWritten) {
  add("a.nii.gz");
  std::ofstream(temp_ / "file") << "in the way";
  options_.output = temp_ / "file";
  EXPECT_THROW(run(), Error);
  options_.output = temp_ / "file/below";
  EXPECT_THROW(run(), Error);
}

}  // namespace
}  // namespace nnunet
