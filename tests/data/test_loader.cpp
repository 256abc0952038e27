#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "epoch_loader.h"
#include "nnunet/core/error.h"
#include "nnunet/data/loader.h"
#include "preprocessed.h"

namespace nnunet {
namespace {

using test::EpochLoading;
using test::epochs_over;
using test::FolderWriter;
using test::TempFolder;

std::vector<std::int64_t> indices_of(const PreprocessedFolder& folder) {
  std::vector<std::int64_t> all(folder.cases().size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

EpochLoading options_3d(int workers = 0) {
  EpochLoading options;
  options.patch_size = {8, 10, 12};
  options.batch_size = 2;
  options.num_workers = workers;
  options.oversampling = 0.4;
  return options;
}

std::string case_name(int i) {
  return "case_" + std::string(i < 10 ? "0" : "") + std::to_string(i);
}

// Seven 3D cases of two channels, each of its own size.
class Volumes : public ::testing::Test {
 protected:
  Volumes() : writer_(temp_ / "01_3d") {
    std::filesystem::create_directories(writer_.path());
    writer_.config("8,10,12", 4, 2);
    for (int i = 0; i < 7; ++i) {
      writer_.made(
          case_name(i), 2, {10 + i, 14 - i, 13},
          [i](auto c, auto d, auto h, auto w) {
            return std::sin(static_cast<double>(d * 31 + h * 7 + w * 3 + c + i)) + i;
          },
          [](auto d, auto h, auto w) { return d > 3 && h > 3 && w > 3 ? (d + h + w) % 4 : 0; });
    }
    folder_.emplace(temp_.path(), "01", 3);
  }
  const PreprocessedFolder& folder() const { return *folder_; }

  TempFolder temp_;
  FolderWriter writer_;
  std::optional<PreprocessedFolder> folder_;
};

// A batch copied out of the loader.
struct Copy {
  std::vector<float> image;
  std::vector<std::uint8_t> label;
  std::vector<std::string> cases;
  std::int64_t step;
  bool operator==(const Copy&) const = default;
};

Copy copy_of(const Batch& batch) {
  const auto image = batch.image.get();
  const auto label = batch.label.get();
  return {{image, image + Array<float>::count(batch.image_shape)},
          {label, label + Array<float>::count(batch.label_shape)},
          batch.cases,
          batch.step};
}

std::vector<Copy> run_epoch(Loader& loader, std::int64_t epoch, std::int64_t first_step = 0) {
  std::vector<Copy> batches;
  loader.start_epoch(epoch, first_step);
  for (Batch batch; loader.next(batch);) batches.push_back(copy_of(batch));
  return batches;
}

TEST_F(Volumes, SameBytesForAnyNumberOfWorkers) {
  Loader reference = epochs_over(folder(), indices_of(folder()), options_3d(0));
  const auto first = run_epoch(reference, 0), second = run_epoch(reference, 1);
  EXPECT_FALSE(first == second);
  for (const int workers : {1, 4}) {
    Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(workers));
    EXPECT_TRUE(run_epoch(loader, 0) == first) << workers;
    EXPECT_TRUE(run_epoch(loader, 1) == second) << workers;
    EXPECT_TRUE(run_epoch(loader, 0) == first) << workers;
  }
  auto other = options_3d(1);
  other.seed = 2;
  Loader loader = epochs_over(folder(), indices_of(folder()), other);
  EXPECT_FALSE(run_epoch(loader, 0) == first);
}

TEST_F(Volumes, ShapesAndSteps) {
  Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(1));
  EXPECT_EQ(loader.batches_per_epoch(), 4);
  loader.start_epoch(3);
  Batch batch;
  for (std::int64_t step = 0; step < 4; ++step) {
    ASSERT_TRUE(loader.next(batch));
    EXPECT_EQ(batch.step, step);
    EXPECT_EQ(batch.image_shape, (std::vector<std::int64_t>{2, 2, 8, 10, 12}));
    EXPECT_EQ(batch.label_shape, (std::vector<std::int64_t>{2, 8, 10, 12}));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.image.get()) % 64, 0U);
  }
  EXPECT_FALSE(loader.next(batch));
  EXPECT_FALSE(loader.next(batch));
  EXPECT_GE(loader.wait_seconds(), 0);
}

TEST_F(Volumes, NothingBeforeTheFirstEpoch) {
  Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(2));
  Batch batch;
  EXPECT_FALSE(loader.next(batch));
}

TEST_F(Volumes, EveryCaseOnceAndTheLastBatchFilledFromTheStart) {
  Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(3));
  std::set<std::vector<std::string>> orders;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<std::string> order;
    for (const auto& batch : run_epoch(loader, epoch)) {
      order.insert(order.end(), batch.cases.begin(), batch.cases.end());
    }
    ASSERT_EQ(order.size(), 8U);
    EXPECT_EQ(order[7], order[0]);
    EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 7U);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 3U);
}

TEST_F(Volumes, OnlyTheGivenCases) {
  Loader loader = epochs_over(folder(), {5, 2}, options_3d(1));
  for (const auto& batch : run_epoch(loader, 0)) {
    const std::set<std::string> found(batch.cases.begin(), batch.cases.end());
    EXPECT_EQ(found, (std::set<std::string>{"case_02", "case_05"}));
  }
}

TEST_F(Volumes, FewerCasesThanABatch) {
  auto options = options_3d(1);
  options.batch_size = 5;
  Loader loader = epochs_over(folder(), {0, 1}, options);
  const auto batches = run_epoch(loader, 0);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].cases[0], batches[0].cases[4]);
}

TEST_F(Volumes, LimitedEpoch) {
  auto options = options_3d(4);
  options.limit_batches = 2;
  Loader loader = epochs_over(folder(), indices_of(folder()), options);
  Loader whole = epochs_over(folder(), indices_of(folder()), options_3d(0));
  EXPECT_EQ(loader.batches_per_epoch(), 2);
  const auto limited = run_epoch(loader, 0), all = run_epoch(whole, 0);
  EXPECT_TRUE(limited == std::vector<Copy>(all.begin(), all.begin() + 2));
  options.limit_batches = 100;
  EXPECT_EQ(epochs_over(folder(), indices_of(folder()), options).batches_per_epoch(), 4);
}

TEST_F(Volumes, ResumesWithinAnEpoch) {
  for (const int workers : {0, 3}) {
    Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(workers));
    const auto all = run_epoch(loader, 2);
    for (std::int64_t first = 0; first <= 4; ++first) {
      EXPECT_TRUE(run_epoch(loader, 2, first) == std::vector<Copy>(all.begin() + first, all.end())) << first;
    }
    EXPECT_TRUE(run_epoch(loader, 2, 9).empty());
  }
}

TEST_F(Volumes, AbandonedEpochs) {
  Loader reference = epochs_over(folder(), indices_of(folder()), options_3d(0));
  const auto expected = run_epoch(reference, 7);
  for (int round = 0; round < 20; ++round) {
    Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(4));
    Batch batch;
    for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
      loader.start_epoch(epoch);
      if (epoch % 2 == 0) loader.next(batch);
    }
    ASSERT_TRUE(run_epoch(loader, 7) == expected) << round;
    loader.start_epoch(8);
  }  // destroyed while workers are busy
}

TEST_F(Volumes, BatchesOutliveTheLoader) {
  Batch kept, next;
  Copy copy;
  {
    Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(2));
    loader.start_epoch(0);
    ASSERT_TRUE(loader.next(kept));
    copy = copy_of(kept);
    while (loader.next(next)) {
    }
    EXPECT_TRUE(copy_of(kept) == copy);
  }
  EXPECT_TRUE(copy_of(kept) == copy);
}

TEST_F(Volumes, MemoryFromTheCaller) {
  std::atomic<int> taken{0}, returned{0};
  auto options = options_3d(2);
  options.allocate = [&](std::size_t bytes) {
    ++taken;
    return std::shared_ptr<void>(std::malloc(bytes), [&](void* p) {
      ++returned;
      std::free(p);
    });
  };
  Loader plain = epochs_over(folder(), indices_of(folder()), options_3d(0));
  {
    Loader loader = epochs_over(folder(), indices_of(folder()), options);
    EXPECT_TRUE(run_epoch(loader, 0) == run_epoch(plain, 0));
  }
  EXPECT_EQ(taken, 8);
  EXPECT_EQ(returned, taken);
}

TEST_F(Volumes, WithoutAugmentationCentreCrops) {
  auto options = options_3d(2);
  options.augmentation.clear();
  options.centred = true;
  Loader loader = epochs_over(folder(), indices_of(folder()), options);
  for (const auto& batch : run_epoch(loader, 0)) {
    for (std::size_t n = 0; n < 2; ++n) {
      const NpyFile x = folder().open_x(batch.cases[n]);
      const auto values = x.values<float>();
      const auto& s = x.shape();
      const std::int64_t z = (s[1] - 8) / 2, y = s[2] >= 10 ? (s[2] - 10) / 2 : -((10 - s[2]) / 2);
      for (std::int64_t c = 0; c < 2; ++c) {
        for (std::int64_t h = 0; h < 10; ++h) {
          const bool inside = y + h >= 0 && y + h < s[2];
          const auto at = static_cast<std::size_t>(((c * s[1] + z + 7) * s[2] + y + h) * s[3] + 11);
          const auto here = ((static_cast<std::int64_t>(n) * 2 + c) * 8 + 7) * 120 + h * 12 + 11;
          ASSERT_EQ(batch.image[static_cast<std::size_t>(here)], inside ? values[at] : 0.0F);
        }
      }
    }
  }
}

TEST_F(Volumes, OperatorsInAnotherOrder) {
  auto options = options_3d(0), other = options;
  std::ranges::reverse(other.augmentation);
  for (auto* const o : {&options, &other})
    std::get<FlipOperator>(*std::ranges::find_if(
        o->augmentation, [](const auto& op) { return std::holds_alternative<FlipOperator>(op); })) = {1};
  Loader loader = epochs_over(folder(), indices_of(folder()), options);
  Loader reversed = epochs_over(folder(), indices_of(folder()), other);
  const auto batches = run_epoch(loader, 0), again = run_epoch(reversed, 0);
  EXPECT_FALSE(batches == again);
  EXPECT_TRUE(run_epoch(reversed, 0) == again);
  other.recipes = true;
  EXPECT_THROW(epochs_over(folder(), indices_of(folder()), other), Error);
}

TEST_F(Volumes, BrokenCasesAreNamed) {
  const auto expect_named = [&](const std::string& name) {
    for (const int workers : {0, 2}) {
      Loader loader = epochs_over(folder(), indices_of(folder()), options_3d(workers));
      loader.start_epoch(0);
      std::string message;
      int good = 0;
      for (Batch batch;;) {
        try {
          if (!loader.next(batch)) break;
          ++good;
        } catch (const Error& error) {
          message = error.what();
        }
      }
      EXPECT_NE(message.find(name), std::string::npos) << message;
      EXPECT_GE(good, 2);  // the others are still handed out
    }
  };
  std::filesystem::resize_file(writer_.path() / "case_03_x.npy", 200);
  expect_named("case_03");
  writer_.image("case_03", Array<float>({2, 11, 14, 13}));
  expect_named("case_03");  // now another size than its label
  writer_.label("case_03", Array<std::uint8_t>({1, 11, 14, 13}, 9));
  expect_named("case_03");  // labels that are no class
  std::filesystem::remove(writer_.path() / "case_03_y.npy");
  expect_named("case_03");
  std::filesystem::remove(writer_.path() / "case_03_x.npy");
  expect_named("case_03");
}

TEST_F(Volumes, PartsOfSeveralProcessesMakeTheWholeBatch) {
  auto whole_options = options_3d();
  whole_options.batch_size = 4;
  Loader whole = epochs_over(folder(), indices_of(folder()), whole_options);
  const auto expected = run_epoch(whole, 1);
  std::vector<std::vector<Copy>> parts;
  for (int rank = 0; rank < 2; ++rank) {
    auto options = options_3d(rank);
    options.rank = rank;
    options.processes = 2;
    Loader part = epochs_over(folder(), indices_of(folder()), options);
    EXPECT_EQ(part.batches_per_epoch(), 2);
    parts.push_back(run_epoch(part, 1));
  }
  ASSERT_EQ(parts[0].size(), expected.size());
  ASSERT_EQ(parts[1].size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    Copy both = parts[0][i];
    const Copy& second = parts[1][i];
    both.image.insert(both.image.end(), second.image.begin(), second.image.end());
    both.label.insert(both.label.end(), second.label.begin(), second.label.end());
    both.cases.insert(both.cases.end(), second.cases.begin(), second.cases.end());
    EXPECT_TRUE(both == expected[i]) << i;
  }
}

TEST_F(Volumes, BrokenCasesGiveTheirPlaceToTheNext) {
  std::filesystem::resize_file(writer_.path() / "case_03_x.npy", 200);
  for (const int workers : {0, 2}) {
    auto options = options_3d(workers);
    options.bad_cases = std::make_shared<BadCases>(1);
    Loader loader = epochs_over(folder(), indices_of(folder()), options);
    const auto batches = run_epoch(loader, 0);
    EXPECT_EQ(batches.size(), 4U);
    for (const Copy& batch : batches) EXPECT_EQ(std::ranges::count(batch.cases, "case_03"), 0);
    EXPECT_EQ(options.bad_cases->names(), std::vector<std::string>{"case_03"});
  }
  auto strict = options_3d();
  strict.bad_cases = std::make_shared<BadCases>(0);
  Loader loader = epochs_over(folder(), indices_of(folder()), strict);
  EXPECT_THROW(run_epoch(loader, 0), Error);
}

TEST_F(Volumes, BadOptions) {
  const auto refused = [&](const std::function<void(EpochLoading&)>& change, std::vector<std::int64_t> indices) {
    auto options = options_3d(0);
    change(options);
    EXPECT_THROW(epochs_over(folder(), std::move(indices), options), Error);
  };
  refused([](auto&) {}, {});
  refused([](auto&) {}, {7});
  refused([](auto&) {}, {-1});
  refused([](auto& o) { o.patch_size = {8}; }, {0});
  refused([](auto& o) { o.patch_size = {8, 0, 8}; }, {0});
  refused([](auto& o) { o.batch_size = 0; }, {0});
  refused([](auto& o) { o.oversampling = 1.5; }, {0});
  refused([](auto& o) { o.oversampling = std::nan(""); }, {0});
  refused([](auto& o) { o.augmentation = {FlipOperator{2}}; }, {0});
  refused([](auto& o) { o.num_workers = -1; }, {0});
  refused([](auto& o) { o.prefetch = 0; }, {0});
  refused([](auto& o) { o.data2d_dim = 4; }, {0});
  refused([](auto& o) { o.patch_size = {8, 8}, o.nvol = 0; }, {0});
  refused([](auto& o) { o.patch_size = {8, 8}, o.nvol = 3; }, {0});
  Loader loader = epochs_over(folder(), {0}, options_3d(0));
  EXPECT_THROW(loader.start_epoch(-1), Error);
  EXPECT_THROW(loader.start_epoch(0, -1), Error);
}

TEST(LoaderCrop, OversamplingPutsForegroundInTheCentre) {
  const TempFolder temp;
  const FolderWriter writer(temp.path());
  writer.config("8,8,8", 2, 1);
  writer.made(
      "a", 1, {24, 30, 28}, [](auto...) { return 0; },
      [](auto d, auto h, auto w) { return d == 11 && h == 17 && w == 9 ? 1 : 0; });
  const PreprocessedFolder folder(temp.path(), "", 3);
  const auto rate = [&](double oversampling) {
    EpochLoading options;
    options.patch_size = {8, 8, 8};
    options.batch_size = 1;
    options.num_workers = 0;
    options.oversampling = oversampling;
    Loader loader = epochs_over(folder, {0}, options);
    int hits = 0;
    for (std::int64_t epoch = 0; epoch < 400; ++epoch) {
      const auto patch = run_epoch(loader, epoch).at(0);
      bool central = false;  // the centre is voxel 4, or 3 after a flip; zoom moves it a little
      for (std::int64_t d = 2; d < 6; ++d) {
        for (std::int64_t h = 2; h < 6; ++h) {
          for (std::int64_t w = 2; w < 6; ++w) {
            central = central || patch.label[static_cast<std::size_t>((d * 8 + h) * 8 + w)] == 1;
          }
        }
      }
      hits += central ? 1 : 0;
    }
    return hits / 400.0;
  };
  EXPECT_EQ(rate(1), 1);
  EXPECT_NEAR(rate(0.4), 0.4, 0.12);
  EXPECT_LT(rate(0), 0.05);
}

// 2D: the label of every slice is its position in the volume, so that slices can be told apart after augmentation.
class Slices : public ::testing::Test {
 protected:
  Slices() : writer_(temp_.path()) { writer_.config("8,10", 60, 2); }

  const PreprocessedFolder& with_depths(const std::vector<std::int64_t>& depths) {
    for (std::size_t i = 0; i < depths.size(); ++i) {
      writer_.made(
          case_name(static_cast<int>(i)), 2, {depths[i], 12, 14},
          [i](auto c, auto d, auto h, auto w) {
            return 100 * (static_cast<double>(i) + 1) + static_cast<double>(10 * d + c) +
                   0.01 * static_cast<double>(h * w);
          },
          [](auto d, auto, auto) { return d + 1; });
    }
    return folder_.emplace(temp_.path(), "", 2);
  }
  static EpochLoading options(std::int64_t batch_size, std::int64_t nvol) {
    EpochLoading o;
    o.patch_size = {8, 10};
    o.batch_size = batch_size;
    o.nvol = nvol;
    o.num_workers = 1;
    return o;
  }
  /// Position of each slice of a batch (label - 1), after a look at all of its voxels.
  static std::vector<int> positions(const Copy& batch) {
    std::vector<int> found;
    for (std::size_t s = 0; s < batch.label.size() / 80; ++s) {
      found.push_back(batch.label[s * 80] - 1);
      for (std::size_t i = 0; i < 80; ++i) EXPECT_EQ(batch.label[s * 80 + i] - 1, found.back());
    }
    return found;
  }
  /// Lengths of the runs of consecutive slices.
  static std::vector<int> runs(const std::vector<int>& found) {
    std::vector<int> lengths = {1};
    for (std::size_t i = 1; i < found.size(); ++i) {
      if (found[i] == found[i - 1] + 1) {
        ++lengths.back();
      } else {
        lengths.push_back(1);
      }
    }
    return lengths;
  }

  TempFolder temp_;
  FolderWriter writer_;
  std::optional<PreprocessedFolder> folder_;
};

TEST_F(Slices, BlocksOfConsecutiveSlices) {
  const auto& folder = with_depths({20, 30, 25, 40, 50});
  Loader loader = epochs_over(folder, indices_of(folder), options(8, 2));
  EXPECT_EQ(loader.batches_per_epoch(), 3);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<std::string> order;
    for (const auto& batch : run_epoch(loader, epoch)) {
      const auto found = positions(batch);
      ASSERT_EQ(found.size(), 8U);
      for (std::size_t i = 1; i < 8; ++i) {
        if (i != 4) {
          ASSERT_EQ(found[i], found[i - 1] + 1);
        }
      }
      ASSERT_EQ(batch.cases.size(), 2U);
      order.insert(order.end(), batch.cases.begin(), batch.cases.end());
    }
    EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 5U);
    EXPECT_EQ(order.back(), order.front());
  }
}

TEST_F(Slices, ChannelsAndSlicesAreInPlace) {
  const auto& folder = with_depths({20});
  auto plain = options(4, 1);
  plain.augmentation.clear();
  plain.centred = true;
  Loader loader = epochs_over(folder, {0}, plain);
  loader.start_epoch(0);
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.image_shape, (std::vector<std::int64_t>{4, 2, 8, 10}));
  EXPECT_EQ(batch.label_shape, (std::vector<std::int64_t>{4, 8, 10}));
  const auto copy = copy_of(batch);
  for (std::size_t s = 0; s < 4; ++s) {
    for (std::size_t c = 0; c < 2; ++c) {  // slices 8 to 11, plane offset (2, 2)
      EXPECT_FLOAT_EQ(copy.image[(s * 2 + c) * 80 + 13],
                      static_cast<float>(100 + 10 * (8 + s) + c) + 0.01F * static_cast<float>(3 * 5));
    }
    EXPECT_EQ(copy.label[s * 80], 9 + s);
  }
}

TEST_F(Slices, ShallowVolumesLeaveTheRestToTheNext) {
  const auto& folder = with_depths({3, 3, 50});
  const std::map<std::string, std::int64_t> depth = {{"case_00", 3}, {"case_01", 3}, {"case_02", 50}};
  Loader loader = epochs_over(folder, indices_of(folder), options(16, 2));
  for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
    for (const auto& batch : run_epoch(loader, epoch)) {
      const auto found = positions(batch);
      ASSERT_EQ(found.size(), 16U);
      std::size_t at = 0;
      for (std::size_t i = 0; i < batch.cases.size(); ++i) {
        const std::int64_t share = std::min<std::int64_t>(16, static_cast<std::int64_t>(8 * (i + 1)));
        const std::int64_t slices = std::min(depth.at(batch.cases[i]), share - static_cast<std::int64_t>(at));
        for (std::int64_t k = 1; k < slices; ++k) {
          ASSERT_EQ(found[at + static_cast<std::size_t>(k)], found[at] + k);
        }
        if (slices == 3) {
          ASSERT_EQ(found[at], 0);  // all of it
        }
        at += static_cast<std::size_t>(slices);
      }
      EXPECT_EQ(at, 16U);
    }
  }
}

TEST_F(Slices, OnlyShallowVolumes) {
  const auto& folder = with_depths({2, 3});
  Loader loader = epochs_over(folder, indices_of(folder), options(16, 1));
  const auto batches = run_epoch(loader, 0);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].label.size(), 16U * 80);
  EXPECT_EQ(batches[0].cases.size(), 7U);                         // 2 + 3 + 2 + 3 + 2 + 3 + 1, or the like
  for (const auto label : batches[0].label) ASSERT_GT(label, 0);  // no blank slices
}

// Slices of one volume that are all alike stay alike: only noise may tell them apart.
TEST_F(Slices, OneSetOfCoinsABlock) {
  const auto wave = [](auto c, auto, auto h, auto w) { return std::sin(static_cast<double>(3 * c + 15 * h + 2 * w)); };
  writer_.made("a", 2, {30, 12, 14}, wave, [](auto, auto, auto) { return 1; });
  const auto& folder = folder_.emplace(temp_.path(), "", 2);
  Loader loader = epochs_over(folder, {0}, options(6, 1));
  int alike = 0;
  std::set<float> first_values;
  for (std::int64_t epoch = 0; epoch < 400; ++epoch) {
    const auto batch = run_epoch(loader, epoch).at(0);
    int same = 0;
    for (std::ptrdiff_t s = 1; s < 6; ++s) {
      same += std::equal(batch.image.begin(), batch.image.begin() + 160, batch.image.begin() + 160 * s) ? 1 : 0;
    }
    EXPECT_TRUE(same == 5 || same == 0) << epoch;
    alike += same == 5 ? 1 : 0;
    first_values.insert(batch.image[0]);
  }
  EXPECT_NEAR(alike / 400.0, 0.85, 0.07);
  EXPECT_GT(first_values.size(), 50U);  // blocks do differ
}

TEST_F(Slices, SameBytesForAnyNumberOfWorkers) {
  const auto& folder = with_depths({20, 5, 25, 40, 2});
  auto o = options(12, 3);
  o.num_workers = 0;
  Loader reference = epochs_over(folder, indices_of(folder), o);
  const auto expected = run_epoch(reference, 1);
  for (const int workers : {1, 4}) {
    o.num_workers = workers;
    Loader loader = epochs_over(folder, indices_of(folder), o);
    EXPECT_TRUE(run_epoch(loader, 1) == expected);
    EXPECT_TRUE(run_epoch(loader, 1, 1) == std::vector<Copy>(expected.begin() + 1, expected.end()));
  }
}

TEST_F(Slices, SingleImages) {
  const auto& folder = with_depths({1, 1, 1, 1, 1});
  auto o = options(2, 1);
  o.data2d_dim = 2;
  Loader loader = epochs_over(folder, indices_of(folder), o);
  EXPECT_EQ(loader.batches_per_epoch(), 3);
  std::vector<std::string> order;
  for (const auto& batch : run_epoch(loader, 0)) {
    ASSERT_EQ(batch.cases.size(), 2U);
    EXPECT_EQ(positions(batch), (std::vector<int>{0, 0}));
    order.insert(order.end(), batch.cases.begin(), batch.cases.end());
  }
  EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 5U);
}

TEST_F(Slices, VolumesAreNoSingleImages) {
  const auto& folder = with_depths({1, 4});
  auto o = options(2, 1);
  o.data2d_dim = 2;
  Loader loader = epochs_over(folder, indices_of(folder), o);
  EXPECT_THROW(run_epoch(loader, 0), Error);
}

}  // namespace
}  // namespace nnunet
