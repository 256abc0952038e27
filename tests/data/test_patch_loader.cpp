#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "chi_squared.h"
#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/data/case_store.h"
#include "nnunet/data/case_store_writer.h"
#include "nnunet/data/patch_loader.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "reference/shared.h"
#include "training_cases.h"

namespace nnunet {
namespace {

using test::CasesInMemory;
using test::plain_labels;

std::string case_name(int i) {
  return fmt::format("case_{}", i);
}

/// A number that looks random and is the same everywhere.
float scattered(std::int64_t i) {
  const auto mixed = static_cast<std::uint32_t>(i) * 2654435761U;
  return static_cast<float>(mixed >> 16) / 65536.0F - 0.5F;
}

/// Five cases of two channels, each of its own size; a fifth of each volume lies outside of the mask.
std::shared_ptr<CasesInMemory> five_cases(std::size_t maps = 1) {
  auto cases = std::make_shared<CasesInMemory>();
  for (int i = 0; i < 5; ++i) {
    cases->add(
        case_name(i), 2, {14 + i, 17 - i, 15},
        [i](auto c, auto z, auto y, auto x) { return scattered(((c * 31 + z) * 37 + y) * 41 + x + i); },
        [](auto z, auto y, auto x) { return z < 3 ? -1 : (z / 3 + y / 4 + x / 5) % 3; }, plain_labels(2), maps);
  }
  return cases;
}

std::vector<std::string> all_cases() {
  return {case_name(0), case_name(1), case_name(2), case_name(3), case_name(4)};
}

PatchLoaderOptions options_of(std::vector<std::int64_t> patch, int workers = 0, bool cascade = false) {
  ModelPlan plan;
  plan.window.patch = std::move(patch);
  plan.labels = plain_labels(2);
  plan.preprocess.channels = {{.use_mask = false}, {.use_mask = true}};
  plan.previous_stage = cascade;
  PatchLoaderOptions options = patch_loader_options(plan, default_augmentation(plan));
  options.batch_size = 3;
  options.steps = 4;
  options.num_workers = workers;
  return options;
}

struct Copy {
  std::vector<float> image;
  std::vector<std::uint8_t> label;
  std::vector<std::string> cases;
  std::int64_t step;
  bool operator==(const Copy&) const = default;
};

std::vector<Copy> run_epoch(BatchSource& source, std::int64_t epoch, std::int64_t first_step = 0) {
  std::vector<Copy> batches;
  source.start_epoch(epoch, first_step);
  for (Batch batch; source.next(batch);) {
    const float* const image = batch.image.get();
    const std::uint8_t* const label = batch.label.get();
    batches.push_back({{image, image + Array<float>::count(batch.image_shape)},
                       {label, label + Array<float>::count(batch.label_shape)},
                       batch.cases,
                       batch.step});
  }
  return batches;
}

std::vector<Copy> epoch_of(const PatchLoaderOptions& options, std::int64_t epoch, std::int64_t first_step = 0,
                           std::size_t maps = 1) {
  return run_epoch(*load_patches(five_cases(maps), all_cases(), options), epoch, first_step);
}

const std::vector<std::int64_t> kPatch{8, 10, 9};

TEST(PatchLoader, SameBatchesForAnyNumberOfWorkers) {
  const auto first = epoch_of(options_of(kPatch), 0), second = epoch_of(options_of(kPatch), 1);
  EXPECT_FALSE(first == second);
  for (const int workers : {1, 4}) {
    const auto source = load_patches(five_cases(), all_cases(), options_of(kPatch, workers));
    EXPECT_TRUE(run_epoch(*source, 1) == second) << workers;
    EXPECT_TRUE(run_epoch(*source, 0) == first) << workers;
  }
  auto other = options_of(kPatch);
  other.seed = 2;
  EXPECT_FALSE(epoch_of(other, 0) == first);
  other.seed = 1;
  other.validation = true;
  EXPECT_FALSE(epoch_of(other, 0) == first);
}

TEST(PatchLoader, GoesOnWithinAnEpoch) {
  for (const int workers : {0, 3}) {
    const auto all = epoch_of(options_of(kPatch, workers), 2);
    ASSERT_EQ(all.size(), 4U);
    for (std::int64_t first = 0; first <= 4; ++first)
      EXPECT_TRUE(epoch_of(options_of(kPatch, workers), 2, first) == std::vector<Copy>(all.begin() + first, all.end()));
  }
}

TEST(PatchLoader, Shapes) {
  const auto shapes = [](const PatchLoaderOptions& options, std::size_t maps) {
    const auto source = load_patches(five_cases(maps), all_cases(), options);
    source->start_epoch(0);
    Batch batch;
    EXPECT_TRUE(source->next(batch));
    EXPECT_EQ(source->batches_per_epoch(), 4);
    EXPECT_EQ(batch.cases.size(), 3U);
    return std::pair(batch.image_shape, batch.label_shape);
  };
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(shapes(options_of(kPatch), 1), std::pair(Sizes({3, 2, 8, 10, 9}), Sizes({3, 8, 10, 9})));
  EXPECT_EQ(shapes(options_of({10, 9}), 1), std::pair(Sizes({3, 2, 10, 9}), Sizes({3, 10, 9})));
  EXPECT_EQ(shapes(options_of({3, 12, 10}), 1), std::pair(Sizes({3, 2, 3, 12, 10}), Sizes({3, 3, 12, 10})));
  EXPECT_EQ(shapes(options_of(kPatch, 0, true), 2), std::pair(Sizes({3, 4, 8, 10, 9}), Sizes({3, 8, 10, 9})));
}

TEST(PatchLoader, CasesAreDrawnEvenlyWithReplacement) {
  auto options = options_of({4, 4, 4});
  options.augmentation = {};
  options.batch_size = 2;
  options.steps = 5000;
  std::map<std::string, std::int64_t> seen;
  std::int64_t twice = 0;
  for (const Copy& batch : epoch_of(options, 0)) {
    for (const std::string& name : batch.cases) ++seen[name];
    twice += batch.cases[0] == batch.cases[1] ? 1 : 0;
  }
  std::vector<std::int64_t> counts;
  for (const auto& [name, count] : seen) counts.push_back(count);
  ASSERT_EQ(counts.size(), 5U);
  test::expect_evenly_drawn(counts);
  test::expect_drawn_from({twice, 5000 - twice}, {0.2, 0.8});
}

/// One voxel of class 1 in a large volume: a patch has it in its middle when it was forced.
struct Needle {
  std::shared_ptr<CasesInMemory> cases = std::make_shared<CasesInMemory>();
  Needle() {
    cases->add(
        "a", 1, {31, 30, 29}, [](auto...) { return 0; },
        [](auto z, auto y, auto x) { return z == 15 && y == 20 && x == 9 ? 1 : 0; }, plain_labels(1));
  }
  /// By the element of the batch: how often it was there.
  std::vector<std::int64_t> hits(const PatchLoaderOptions& options) const {
    std::vector<std::int64_t> counts;
    for (const Copy& batch : run_epoch(*load_patches(cases, {"a"}, options), 0)) {
      counts.resize(batch.cases.size());
      for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += batch.label[i * 64 + 2 * 16 + 2 * 4 + 2];
    }
    return counts;
  }
  static PatchLoaderOptions options(std::int64_t batch, std::int64_t steps) {
    PatchLoaderOptions o;
    o.patch_size = {4, 4, 4};
    o.labels = plain_labels(1);
    o.batch_size = batch;
    o.steps = steps;
    o.num_workers = 0;
    return o;
  }
};

TEST(PatchLoader, TheLastElementsAreForced) {
  const Needle needle;
  const auto hits = needle.hits(Needle::options(6, 200));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_LT(hits[i], 10) << i;
  for (std::size_t i = 4; i < 6; ++i) EXPECT_EQ(hits[i], 200) << i;
}

TEST(PatchLoader, OrEachWithItsProbability) {
  const Needle needle;
  auto options = Needle::options(4, 5000);
  options.probabilistic = true;
  const double p = 0.33 + 0.67 / (28 * 27 * 26);
  for (const std::int64_t hits : needle.hits(options)) test::expect_drawn_from({hits, 5000 - hits}, {p, 1 - p});
}

TEST(PatchLoader, PartsOfSeveralProcessesMakeTheWholeBatch) {
  auto options = options_of(kPatch);
  options.batch_size = 5;
  const auto whole = epoch_of(options, 1);
  options.processes = 2;
  const auto first = epoch_of(options, 1);
  options.rank = 1;
  options.num_workers = 2;
  const auto second = epoch_of(options, 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(first[i].cases.size(), 3U);
    Copy both = first[i];
    both.image.insert(both.image.end(), second[i].image.begin(), second[i].image.end());
    both.label.insert(both.label.end(), second[i].label.begin(), second[i].label.end());
    both.cases.insert(both.cases.end(), second[i].cases.begin(), second[i].cases.end());
    EXPECT_TRUE(both == whole[i]) << i;
  }
}

/// The five cases as preprocessing leaves them.
std::shared_ptr<CaseStore> stored(CasesInMemory& cases, const test::TempFolder& temp) {
  const auto folder = temp / "plans_3d";
  std::vector<CaseSources> sources;
  for (const std::string& name : all_cases()) {
    write_text(temp / name, name);
    sources.push_back({name, {temp / name}});
  }
  CaseStoreWriter writer(folder, {{"spacing", 1}}, sources);
  for (const CaseSources& one : sources) {
    PreprocessedCase item;
    item.x = cases.at(one.name).image;
    item.label = cases.at(one.name).labels[0];
    item.crop_end = item.original = item.x.spatial();
    item.spacing = {1, 1, 1};
    const auto locations = draw_class_locations(*item.label, location_requests(plain_labels(2)));
    PendingFiles files = writer.write(one.name, std::move(item), locations, {}, {record_file(one.files.front())});
    writer.publish(one.name, files);
  }
  return std::make_shared<CaseStore>(folder);
}

TEST(PatchLoader, StoredCasesGiveTheSameBatches) {
  const test::TempFolder temp;
  const auto cases = five_cases(2);
  const auto store = stored(*cases, temp);
  EXPECT_TRUE(run_epoch(*load_patches(training_cases(store), all_cases(), options_of(kPatch, 2)), 3) ==
              epoch_of(options_of(kPatch), 3));
  for (const std::string& name : all_cases()) write_previous_stage(temp / "previous", name, cases->at(name).labels[1]);
  const auto again = std::make_shared<CaseStore>(store->folder());
  again->attach_previous(temp / "previous");
  EXPECT_TRUE(run_epoch(*load_patches(training_cases(again), all_cases(), options_of(kPatch, 0, true)), 3) ==
              epoch_of(options_of(kPatch, 0, true), 3, 0, 2));
}

TEST(PatchLoader, ABadCaseGivesItsPlaceToAnother) {
  const auto cases = five_cases();
  cases->at(case_name(2)).broken = true;
  cases->at(case_name(4)).labels[0].values.assign(cases->at(case_name(4)).labels[0].values.size(), 7);
  auto options = options_of(kPatch, 2);
  options.steps = 20;
  {
    const auto strict = load_patches(cases, all_cases(), options);
    strict->start_epoch(0);
    std::set<std::string> messages;
    int good = 0;
    for (Batch batch;;) {
      try {
        if (!strict->next(batch)) break;
        ++good;
      } catch (const Error& error) {
        messages.insert(error.what());
      }
    }
    EXPECT_GT(good, 0);
    EXPECT_EQ(messages.size(), 2U);
    for (const std::string& message : messages)
      EXPECT_TRUE(message.find("case_2_x.npy") != std::string::npos || message.find("label 7") != std::string::npos)
          << message;
  }
  options.bad_cases = std::make_shared<BadCases>(2);
  const auto batches = run_epoch(*load_patches(cases, all_cases(), options), 0);
  EXPECT_EQ(options.bad_cases->names(), (std::vector<std::string>{case_name(2), case_name(4)}));
  for (const Copy& batch : batches)
    for (const std::string& name : batch.cases) EXPECT_TRUE(name != case_name(2) && name != case_name(4));
  options.num_workers = 0;
  EXPECT_TRUE(run_epoch(*load_patches(cases, all_cases(), options), 0) == batches);
  for (const std::string& name : all_cases()) cases->at(name).broken = true;
  options.bad_cases = std::make_shared<BadCases>(9);
  EXPECT_THROW(run_epoch(*load_patches(cases, all_cases(), options), 0), Error);
}

TEST(PatchLoader, RecipesAreOfTheSamePatches) {
  const auto cases = five_cases();
  cases->at(case_name(2)).broken = true;
  cases->at(case_name(4)).labels[0].values.assign(cases->at(case_name(4)).labels[0].values.size(), 7);
  auto options = options_of(kPatch, 2);
  options.bad_cases = std::make_shared<BadCases>(2);
  const auto made = run_epoch(*load_patches(cases, all_cases(), options), 0);
  options.recipes = true;
  options.bad_cases = std::make_shared<BadCases>(2);
  const auto source = load_patches(cases, all_cases(), options);
  source->start_epoch(0);
  Batch batch;
  for (const Copy& expected : made) {
    ASSERT_TRUE(source->next(batch));
    EXPECT_EQ(batch.cases, expected.cases);
    ASSERT_TRUE(batch.patches);
    EXPECT_EQ(batch.patches->patches(), 3);
    EXPECT_EQ(batch.patches->channels, 2);
    EXPECT_FALSE(batch.image || batch.label);
  }
  EXPECT_EQ(options.bad_cases->names(), (std::vector<std::string>{case_name(2), case_name(4)}));
}

TEST(PatchLoader, WhatDoesNotFitIsRefused) {
  const auto refused = [](const std::function<void(PatchLoaderOptions&)>& change,
                          const std::vector<std::string>& cases = all_cases()) {
    PatchLoaderOptions options = options_of(kPatch);
    change(options);
    EXPECT_THROW(load_patches(five_cases(), cases, options), Error);
  };
  refused([](auto& o) { o.patch_size = {8}; });
  refused([](auto& o) { o.patch_size = {8, 0, 8}; });
  refused([](auto& o) { o.steps = 0; });
  refused([](auto& o) { o.batch_size = 0; });
  refused([](auto& o) { o.forced_share = 1.1; });
  refused([](auto& o) { o.num_workers = -1; });
  refused([](auto& o) { o.prefetch = 0; });
  refused([](auto& o) { o.processes = 4; });
  refused([](auto& o) { o.labels = plain_labels(300); });
  refused([](auto& o) { o.recipes = o.previous_stage = true; });
  refused([](auto& o) { o.augmentation.initial = Shape3{1, 1, 1}; });
  refused([](auto&) {}, {});
  refused([](auto&) {}, {"case_9"});
  auto options = options_of(kPatch);
  options.channels = 3;
  EXPECT_THROW(epoch_of(options, 0), Error);
  options.channels = 2;
  options.previous_stage = true;
  EXPECT_THROW(epoch_of(options, 0), Error);
}

/// A digest of many patches: volumes, planes, a cascade. Without intensities, whose digits have tests of their own.
std::string digest_of_patches() {
  Digest digest;
  for (const auto& [patch, cascade] :
       {std::pair{kPatch, false}, std::pair{std::vector<std::int64_t>{10, 9}, false}, std::pair{kPatch, true}}) {
    auto options = options_of(patch, 0, cascade);
    options.augmentation.intensities.clear();
    options.augmentation.spatial.rotation.probability = 0.8F;
    options.steps = 8;
    for (const Copy& batch : epoch_of(options, 0, 0, cascade ? 2 : 1))
      digest.add(std::as_bytes(std::span(batch.image))).add(std::as_bytes(std::span(batch.label)));
  }
  return digest.hex();
}

/// Prints the digest for the test below, which starts this program once more.
TEST(PatchLoaderDigest, DISABLED_Print) {
  std::cout << "digest " << digest_of_patches() << std::endl;
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string output;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), static_cast<int>(part.size()), pipe.get()) != nullptr) output += part.data();
  return output;
}

TEST(PatchLoader, SameDigitsOnEveryInstructionSet) {
  const std::string own = "digest " + digest_of_patches();
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  for (int isa = 0; isa < static_cast<int>(chosen_isa()); ++isa) {
    const std::string output = output_of(
        fmt::format("NNUNET_ISA={} '{}' --gtest_also_run_disabled_tests --gtest_filter=PatchLoaderDigest.* 2>&1",
                    isa_name(static_cast<Isa>(isa)), program));
    EXPECT_NE(output.find(own), std::string::npos) << output;
  }
}

}  // namespace
}  // namespace nnunet
