#include "nnunet/infer/served_predictor.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "nnunet/core/error.h"
#include "nnunet/plan/reference_plan.h"
#include "tiny.h"

namespace nnunet {
namespace {

class Served : public testing::TestWithParam<int> {
 protected:
  Predictor predictor() const {
    const DataConfig config = test::tiny_config(GetParam());
    return {{test::tiny_checkpoint(config, 1), test::tiny_checkpoint(config, 2)}, {}, kCpu, Precision::fp32};
  }
  std::unique_ptr<serve::ServedModel> served() const {
    return serve_predictor(predictor(), std::make_shared<DeviceThread>());
  }
  Image image_ = test::tiny_image({13, 22, 25});
};

TEST_P(Served, SegmentsAsThePredictorDoes) {
  serve::SegmentWatch watch;
  const LabelMap found = served()->segment("a", image_, watch);
  const LabelMap wanted = predictor().segment("a", image_);
  EXPECT_EQ(found.voxels.values, wanted.voxels.values);
  EXPECT_EQ(found.geometry.affine, wanted.geometry.affine);
  EXPECT_EQ(watch.progress, 1);
}

// Batches of any size: the engine runs them in pieces.
TEST_P(Served, PatchesGetTheNetworksLogits) {
  const auto model = served();
  Predictor plain = predictor();
  std::vector<std::int64_t> shape{7, 1};
  shape.insert(shape.end(), model->data().patch_size.begin(), model->data().patch_size.end());
  std::vector<float> x(static_cast<std::size_t>(Array<float>::count(shape)));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.01F * static_cast<float>(i));
  std::vector<float> found(3 * x.size()), wanted(3 * x.size());
  model->forward(7, x.data(), found.data());
  const WindowBatch all{x.data(), shape};
  for (std::int64_t i = 0; i < 7; ++i)
    plain.forward(all.part(i, 1)).copy_to(wanted.data() + i * 3 * all.window_values());
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], wanted[i], 1e-5) << i;
}

TEST_P(Served, StopsForWhomNobodyWaits) {
  const auto model = served();
  serve::SegmentWatch cancelled, late;
  cancelled.cancelled = true;
  EXPECT_THROW(model->segment("a", image_, cancelled), serve::Cancelled);
  late.deadline = std::chrono::steady_clock::now();
  EXPECT_THROW(model->segment("a", image_, late), serve::Cancelled);
  serve::SegmentWatch waiting;  // the model goes on serving
  EXPECT_NO_THROW(model->segment("a", image_, waiting));
}

/// A network of three regions, each within the one before.
Checkpoint regions_checkpoint() {
  Checkpoint checkpoint = test::tiny_checkpoint(test::tiny_config(3));
  checkpoint.model = reference_plan(checkpoint.data, checkpoint.plan);
  checkpoint.model->labels = {.entries = {{"background", {0}}, {"whole", {1, 2, 3}}, {"core", {2, 3}}, {"inner", {3}}},
                              .decision = LabelDecision::sigmoid,
                              .region_values = {5, 2, 9}};
  return checkpoint;
}

std::unique_ptr<serve::ServedModel> served_model(const Checkpoint& checkpoint, ImageReader reader) {
  ServedImages images;
  images.format.ending = ".nii.gz";
  images.format.reader = reader;
  images.format.numbered = true;
  images.channels = {"T1"};
  return serve_predictor(Predictor({checkpoint}, {}, kCpu, Precision::fp32), std::make_shared<DeviceThread>(), images);
}

TEST(ServedModelsOfNnunetV2, RegionsAreNamedByTheirValues) {
  const auto model = served_model(regions_checkpoint(), ImageReader::simple_itk);
  const serve::ModelDescription description = model->description();
  ASSERT_EQ(description.structures.size(), 3U);
  EXPECT_EQ(description.structures[0].value, 2);
  EXPECT_EQ(description.structures[0].name, "core without inner");
  EXPECT_EQ(description.structures[2].value, 9);
  EXPECT_TRUE(description.regions);
  EXPECT_EQ(description.channels, std::vector<std::string>{"T1"});
  serve::SegmentWatch watch;
  const LabelMap found = model->segment("a", test::tiny_image({13, 22, 25}), watch);
  std::set<int> values(found.voxels.values.begin(), found.voxels.values.end());
  values.erase(0);
  EXPECT_FALSE(values.empty());
  for (const int value : values) EXPECT_TRUE(value == 2 || value == 5 || value == 9) << value;
}

// The label map comes back on the axes of the file.
TEST(ServedModelsOfNnunetV2, ImagesAreTurnedAsTheirReaderDoes) {
  const Checkpoint checkpoint = test::tiny_checkpoint(test::tiny_config(3));
  Image image = test::tiny_image({13, 22, 25});
  // x of the file runs downwards, y to the left, z forward.
  image.geometry.affine = {{{0, -1, 0, 9}, {0, 0, 2, 4}, {-1, 0, 0, 5}, {0, 0, 0, 1}}};
  for (const ImageReader reader : {ImageReader::simple_itk_reorient, ImageReader::nibabel_reorient}) {
    Image turned = image;
    const Reorientation back = to_canonical(turned, reader, "a");
    ASSERT_FALSE(back.changes_nothing());
    const LabelMap wanted = Predictor({checkpoint}, {}, kCpu, Precision::fp32).segment("a", turned);
    serve::SegmentWatch watch;
    const LabelMap found = served_model(checkpoint, reader)->segment("a", image, watch);
    EXPECT_EQ(found.voxels.shape, (std::vector<std::int64_t>{13, 22, 25}));
    EXPECT_EQ(found.voxels.values, back.undo(wanted.voxels).values);
    EXPECT_EQ(found.geometry.affine, image.geometry.affine);
  }
}

// A network whose axes are the image's in another order needs what the same image on these axes would.
TEST(ServedModelsOfNnunetV2, MemoryIsThatOfTheNetworksAxes) {
  Checkpoint plain = test::tiny_checkpoint(test::tiny_config(3));
  plain.model = reference_plan(plain.data, plain.plan);
  Checkpoint transposed = plain;
  transposed.model->preprocess.transpose = {2, 0, 1};
  NiftiInfo info, turned;
  info.geometry.shape = {40, 60, 20};
  info.geometry.spacing = {1, 1, 6};
  turned.geometry.shape = {20, 40, 60};
  turned.geometry.spacing = {6, 1, 1};
  const std::int64_t found = served_model(transposed, ImageReader::simple_itk)->memory(info);
  const std::int64_t wanted = served_model(plain, ImageReader::simple_itk)->memory(turned);
  EXPECT_GE(found, wanted);
  EXPECT_LE(found, wanted + 4 * 40 * 60 * 20);  // the copy in the other order
  // Three times the slices; a file's own axes would be stretched along x instead.
  EXPECT_LT(found, 4 * served_model(plain, ImageReader::simple_itk)->memory(info));
  EXPECT_EQ(served_model(plain, ImageReader::nibabel_reorient)->memory([&] {
    NiftiInfo same = turned;
    same.geometry.affine = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 6, 0}, {0, 0, 0, 1}}};
    return same;
  }()),
            wanted);
}

TEST(ServedModelsOfNnunetV2, RefusesWhatTheServerHasNoWayFor) {
  Checkpoint cascade = test::tiny_checkpoint(test::tiny_config(3, 3));
  cascade.model = reference_plan(test::tiny_config(3, 1), cascade.plan);
  cascade.model->previous_stage = true;
  EXPECT_THROW(served_model(cascade, ImageReader::simple_itk), Error);
  Checkpoint many = test::tiny_checkpoint(test::tiny_config(2, 1, 256));
  EXPECT_NO_THROW(served_model(many, ImageReader::simple_itk));  // of the reference system: 8 bits
  many.model = reference_plan(many.data, many.plan);
  many.model->labels.type = LabelType::uint8_or_uint16;
  EXPECT_THROW(served_model(many, ImageReader::simple_itk), Error);
  const Checkpoint pictures = test::tiny_checkpoint(test::tiny_config(2));
  EXPECT_THROW(served_model(pictures, ImageReader::natural_image_2d), Error);
  EXPECT_THROW(served_model(pictures, ImageReader::tiff_3d), Error);
  EXPECT_NO_THROW(served_model(pictures, ImageReader::nibabel));
}

INSTANTIATE_TEST_SUITE_P(Dimensions, Served, testing::Values(2, 3));

TEST(DeviceThread, RunsOnOneThreadAndHandsOnWhatIsThrown) {
  DeviceThread device;
  std::thread::id first, second;
  device.run([&] { first = std::this_thread::get_id(); });
  EXPECT_THROW(device.run([] { throw std::runtime_error("no"); }), std::runtime_error);
  device.run([&] { second = std::this_thread::get_id(); });
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

}  // namespace
}  // namespace nnunet
