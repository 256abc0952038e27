#include "message_of.h"
#include "nnunet/data/case_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/data/case_store_writer.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempFolder;

PreprocessedCase made_case(float offset = 0) {
  PreprocessedCase item;
  item.x = Array<float>({2, 3, 4, 5});
  for (std::size_t i = 0; i < item.x.values.size(); ++i) item.x.values[i] = offset + static_cast<float>(i);
  item.label = Array<std::int16_t>({3, 4, 5});
  for (std::size_t i = 0; i < item.label->values.size(); ++i)
    item.label->values[i] = static_cast<std::int16_t>(static_cast<int>(i % 4) - 1);
  item.crop_start = {1, 0, 2};
  item.crop_end = {4, 4, 7};
  item.original = {6, 5, 9};
  item.spacing = {2.5, 0.1, 1.0 / 3};
  item.transpose = {2, 0, 1};
  return item;
}

ReaderProperties made_reader() {
  ReaderProperties reader;
  reader.spacing = {0.1, 1.0 / 3, 2.5};
  reader.itk = ReaderProperties::Itk{{2.5, 1.0 / 3, 0.1}, {-1e-7, 3, 40.25}, {1, 0, 0, 0, 1, 0, 0, 0, 1}, "LPS"};
  return reader;
}

constexpr auto same_voxel = [](const auto& a, const auto& b) { return std::ranges::equal(a, b); };

using test::message_of;

class CaseStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    for (const char* name : {"b", "a", "B"}) write_source(name, "image");
  }

  void write_source(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / (name + ".raw")) << content;
  }
  CaseSources sources(const std::string& name) const { return {name, {folder_ / (name + ".raw")}}; }
  std::vector<CaseSources> all() const { return {sources("b"), sources("a"), sources("B")}; }

  void make(CaseStoreWriter& writer, const std::string& name, float offset = 0) const {
    const PreprocessedCase item = made_case(offset);
    const auto locations = draw_class_locations(*item.label, requests_);
    PendingFiles files =
        writer.write(name, made_case(offset), locations, made_reader(), {record_file(sources(name).files.front())});
    writer.publish(name, files);
  }
  void make_all() const {
    CaseStoreWriter writer(store_, settings_, all());
    for (const char* name : {"b", "a", "B"}) make(writer, name);
  }

  TempFolder folder_;
  fs::path store_ = folder_ / "plans_3d";
  json settings_{{"spacing", {1.0, 2.0, 3.0}}, {"reader", "SimpleITKIO"}};
  std::vector<std::vector<int>> requests_{{1}, {2, 1}, {7}, {-1, 0, 1, 2}};
};

TEST_F(CaseStoreTest, WrittenReadAndMapped) {
  make_all();
  const CaseStore store(store_);
  EXPECT_EQ(store.names(), (std::vector<std::string>{"B", "a", "b"}));
  EXPECT_EQ(store.made_with(), settings_);
  const auto c = store.open("a");
  const PreprocessedCase expected = made_case();
  EXPECT_EQ(c->channels(), 2);
  EXPECT_EQ(c->size(), (Shape3{3, 4, 5}));
  EXPECT_TRUE(std::equal(expected.x.values.begin(), expected.x.values.end(), c->image()));
  EXPECT_TRUE(std::equal(expected.label->values.begin(), expected.label->values.end(), c->label()));
  EXPECT_EQ(c->previous(), nullptr);
  const auto locations = draw_class_locations(*expected.label, requests_);
  ASSERT_EQ(c->requests(), locations.size());
  for (std::size_t i = 0; i < locations.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(c->request_labels(i), requests_[i]));
    EXPECT_TRUE(std::ranges::equal(c->locations(i), locations[i].voxels, same_voxel));
  }
  EXPECT_TRUE(c->locations(2).empty());
  EXPECT_EQ(store.open("a"), c) << "a case stays open";
}

TEST_F(CaseStoreTest, KeepsWhatUndoesThePreprocessing) {
  make_all();
  const StoredOrigin origin = CaseStore(store_).origin("b");
  const PreprocessedCase item = made_case();
  EXPECT_EQ(origin.grid.crop_start, item.crop_start);
  EXPECT_EQ(origin.grid.crop_end, item.crop_end);
  EXPECT_EQ(origin.grid.original, item.original);
  EXPECT_EQ(origin.grid.spacing, item.spacing);
  EXPECT_EQ(origin.grid.transpose, item.transpose);
  const ReaderProperties reader = made_reader();
  EXPECT_EQ(origin.reader.spacing, reader.spacing);
  EXPECT_EQ(origin.reader.itk->spacing, reader.itk->spacing);
  EXPECT_EQ(origin.reader.itk->origin, reader.itk->origin);
  EXPECT_EQ(origin.reader.itk->direction, reader.itk->direction);
  EXPECT_EQ(origin.reader.itk->original_orientation, "LPS");
  EXPECT_FALSE(origin.reader.nibabel);
}

TEST_F(CaseStoreTest, WhatIsFinishedIsKept) {
  {
    CaseStoreWriter writer(store_, settings_, all());
    EXPECT_FALSE(writer.finished("a"));
    make(writer, "a");
  }
  EXPECT_NE(message_of([&] { CaseStore{store_}; }).find("2 of 3 cases are missing"), std::string::npos);
  CaseStoreWriter writer(store_, settings_, all());
  EXPECT_TRUE(writer.finished("a"));
  EXPECT_FALSE(writer.finished("b"));
  make(writer, "b");
  make(writer, "B");
  EXPECT_EQ(CaseStore(store_).names().size(), 3U);
}

// Killed before the image, which comes last, had its name.
TEST_F(CaseStoreTest, HalfACaseIsMadeAnew) {
  make_all();
  fs::remove(store_ / "a_x.npy");
  const CaseStoreWriter writer(store_, settings_, all());
  EXPECT_FALSE(writer.finished("a"));
  EXPECT_TRUE(writer.finished("b"));
  EXPECT_FALSE(fs::exists(store_ / "a_y.npy"));
  writer.require_free("a");
}

TEST_F(CaseStoreTest, ChangedSourceIsNoticed) {
  make_all();
  write_source("a", "other");
  const CaseStoreWriter writer(store_, settings_, all());
  EXPECT_FALSE(writer.finished("a"));
  EXPECT_TRUE(writer.finished("b"));
  EXPECT_FALSE(fs::exists(store_ / "a_x.npy"));
}

TEST_F(CaseStoreTest, OtherPlansMakeAllAnew) {
  make_all();
  settings_["spacing"] = {1.0, 2.0, 3.5};
  CaseStoreWriter writer(store_, settings_, all());
  for (const char* name : {"b", "a", "B"}) {
    EXPECT_FALSE(writer.finished(name));
    make(writer, name, 5);
  }
  const CaseStore store(store_);
  EXPECT_EQ(store.made_with(), settings_);
  EXPECT_EQ(store.open("a")->image()[0], 5);
}

TEST_F(CaseStoreTest, CasesThatTheDatasetLacksGo) {
  make_all();
  std::ofstream(store_ / "c_x.npy") << "not ours";
  const CaseStoreWriter writer(store_, settings_, {sources("a"), sources("b")});
  EXPECT_FALSE(fs::exists(store_ / "B_x.npy"));
  EXPECT_TRUE(fs::exists(store_ / "c_x.npy"));
  EXPECT_EQ(CaseStore(store_).names(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(CaseStoreTest, ForeignFilesStay) {
  fs::create_directories(store_);
  for (const char* file : {"a_x.npy", "b.b2nd", "b_seg.b2nd", "b.pkl"}) std::ofstream(store_ / file) << file;
  EXPECT_NE(message_of([&] { CaseStore{store_}; }).find("that nnU-Net preprocessed itself (.b2nd)"), std::string::npos);
  CaseStoreWriter writer(store_, settings_, all());
  EXPECT_NE(message_of([&] { writer.require_free("a"); }).find("that this program did not make"), std::string::npos);
  make(writer, "b");
  EXPECT_THROW(make(writer, "a"), Error);
  std::string content;
  std::ifstream(store_ / "a_x.npy") >> content;
  EXPECT_EQ(content, "a_x.npy");
  EXPECT_TRUE(fs::exists(store_ / "b.b2nd"));
}

TEST_F(CaseStoreTest, OneProcessAtATime) {
  const CaseStoreWriter writer(store_, settings_, all());
  EXPECT_NE(message_of([&] { CaseStoreWriter(store_, settings_, all()); }).find("another preprocessing writes here"),
            std::string::npos);
}

TEST_F(CaseStoreTest, AnotherVersionIsRefused) {
  make_all();
  const fs::path list = store_ / ".nnunet" / "store.json";
  json content = json::parse(std::ifstream(list));
  content["version"] = 1000;
  std::ofstream(list) << content;
  EXPECT_NE(message_of([&] { CaseStore{store_}; }).find("are of version 1000"), std::string::npos);
  EXPECT_NE(message_of([&] { CaseStoreWriter(store_, settings_, all()); }).find("a later version"), std::string::npos);
}

TEST_F(CaseStoreTest, DamagedFilesAreNamed) {
  make_all();
  const auto failure = [&](const std::string& name) { return message_of([&] { CaseStore(store_).open(name); }); };
  fs::resize_file(store_ / "a_x.npy", 300);
  EXPECT_NE(failure("a").find("a_x.npy: the file is truncated"), std::string::npos) << failure("a");
  write_npy(store_ / "b_y.npy", Array<std::int16_t>({3, 4, 4}));
  EXPECT_NE(failure("b").find("b_y.npy: is 3x4x4, but the image is 3x4x5"), std::string::npos) << failure("b");
  Array<std::int32_t> places = read_npy<std::int32_t>(store_ / "B_locations.npy");
  places.values[4] = 4;
  write_npy(store_ / "B_locations.npy", places);
  EXPECT_NE(failure("B").find("B_locations.npy: holds a place outside"), std::string::npos) << failure("B");
  EXPECT_NE(failure("c").find("there is no case c"), std::string::npos);
  EXPECT_NE(message_of([&] { CaseStore(folder_ / "nowhere"); }).find("there are no preprocessed cases"),
            std::string::npos);
}

TEST_F(CaseStoreTest, LabelMapsOfThePreviousStage) {
  make_all();
  CaseStore store(store_);
  const fs::path previous = folder_ / "predicted_next_stage" / "3d_cascade_fullres";
  EXPECT_THROW(store.attach_previous(previous), Error);
  Array<std::int16_t> labels({3, 4, 5}, 1);
  labels.values[17] = 2;
  write_previous_stage(previous, "a", labels);
  write_previous_stage(previous, "b", Array<std::int16_t>({3, 4, 6}));
  EXPECT_EQ(store.open("a")->previous(), nullptr);
  store.attach_previous(previous);
  ASSERT_NE(store.open("a")->previous(), nullptr);
  EXPECT_TRUE(std::equal(labels.values.begin(), labels.values.end(), store.open("a")->previous()));
  EXPECT_NE(message_of([&] { store.open("b"); }).find("b.npy: is 3x4x6"), std::string::npos);
  EXPECT_NE(message_of([&] { store.open("B"); }).find("has no label map of this case"), std::string::npos);
  store.require_previous({"a", "b"});
  const std::string missing = message_of([&] { store.require_previous({"a", "B", "b"}); });
  EXPECT_NE(missing.find("1 of 3 cases have no label map of the previous stage: B"), std::string::npos) << missing;
}

}  // namespace
}  // namespace nnunet
