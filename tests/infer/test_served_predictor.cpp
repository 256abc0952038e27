#include "nnunet/infer/served_predictor.h"

#include <gtest/gtest.h>

#include <stdexcept>

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
