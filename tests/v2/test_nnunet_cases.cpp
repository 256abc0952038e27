#include "nnunet/v2/nnunet_cases.h"

#include <b2nd.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/v2/b2nd.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/overlay.h"
#include "nnunet/v2/preprocess.h"
#include "tiny_dataset.h"
#include "tiny_v2_model.h"
#include "v2/deflating_zip.h"
#include "volumes.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// As Python's blosc2 writes an array.
void write_b2nd(const fs::path& file, const std::vector<std::int64_t>& shape, const char* type, int bytes,
                const void* values) {
  fs::remove(file);
  blosc2_cparams packing = BLOSC2_CPARAMS_DEFAULTS;
  packing.typesize = bytes;
  blosc2_storage storage = BLOSC2_STORAGE_DEFAULTS;
  storage.cparams = &packing;
  storage.contiguous = true;
  std::string path = file.string();
  storage.urlpath = path.data();
  std::vector<std::int32_t> chunks(shape.begin(), shape.end()), blocks(shape.size(), 4);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) blocks[axis] = std::min(blocks[axis], chunks[axis]);
  const std::unique_ptr<b2nd_context_t, decltype(&b2nd_free_ctx)> context(
      b2nd_create_ctx(&storage, static_cast<std::int8_t>(shape.size()), shape.data(), chunks.data(), blocks.data(),
                      type, DTYPE_NUMPY_FORMAT, nullptr, 0),
      &b2nd_free_ctx);
  b2nd_array_t* array = nullptr;
  ASSERT_EQ(b2nd_from_cbuffer(context.get(), &array, values, Array<char>::count(shape) * bytes), 0);
  b2nd_free(array);
}

template <class T>
void add_array(v2::DeflatingZip& zip, const std::string& key, const char* type, const StoredCase& c,
               std::int64_t channels, std::span<const T> values) {
  const Shape3 s = c.size();
  const std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}, {}, {}), }}\n",
                                         type, channels, s[0], s[1], s[2]);
  const std::string head = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  zip.begin(key + ".npy");
  zip.write(std::as_bytes(std::span(head)));
  zip.write(std::as_bytes(values));
  zip.end();
}

/// Three cases that this program preprocessed, written once more as nnU-Net writes them.
class NnunetCases : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_quiet(true);
    if (std::string why; !v2::can_read_b2nd(&why)) FAIL() << why;
    blosc2_init();
    const test::TinyDataset raw(folder_ / "raw" / "Dataset900_Tiny", 3, {9, 12, 11});
    v2::PreprocessingOptions options{raw.folder(), dataset_};
    options.configuration = "3d_fullres";
    options.progress = false;
    test::write(dataset_ / "dataset.json", test::tiny_v2_dataset({}).dump());
    test::write(dataset_ / "nnUNetPlans.json", test::tiny_v2_plans({.transpose = {1, 0, 2}}).dump());
    ASSERT_TRUE(preprocess_configuration(options).failed.empty());
    plan_ = read_v2_plan(v2::read_v2_files(dataset_, "nnUNetPlans"), "3d_fullres");
    fs::rename(dataset_ / "nnUNetPlans_3d_fullres", ours_);
    fs::create_directories(theirs_);
    const CaseStore store(ours_);
    for (const std::string& name : store.names()) write_theirs(store, name);
  }

  void write_theirs(const CaseStore& store, const std::string& name) const {
    const auto c = store.open(name);
    const Shape3 s = c->size();
    write_b2nd(theirs_ / (name + ".b2nd"), {c->channels(), s[0], s[1], s[2]}, "<f4", 4, c->image());
    if (name == "case_1") {  // small labels are int8 in files of before
      const std::vector<std::int8_t> small(c->label(), c->label() + volume(s));
      write_b2nd(theirs_ / (name + "_seg.b2nd"), {1, s[0], s[1], s[2]}, "|i1", 1, small.data());
    } else {
      write_b2nd(theirs_ / (name + "_seg.b2nd"), {1, s[0], s[1], s[2]}, "<i2", 2, c->label());
    }
    v2::write_properties(theirs_ / (name + ".pkl"), v2::case_properties(store, name));
  }

  /// Instead, as nnU-Net wrote them before 2.6.
  void write_older(const CaseStore& store, const std::string& name) const {
    fs::remove(theirs_ / (name + ".b2nd"));
    fs::remove(theirs_ / (name + "_seg.b2nd"));
    const auto c = store.open(name);
    const auto voxels = static_cast<std::size_t>(volume(c->size()));
    v2::DeflatingZip zip(theirs_ / (name + ".npz"), 1);
    add_array(zip, "data", "<f4", *c, c->channels(),
              std::span(c->image(), voxels * static_cast<std::size_t>(c->channels())));
    const std::vector<std::int8_t> small(c->label(), c->label() + voxels);
    if (name == "case_1")
      add_array(zip, "seg", "<i2", *c, 1, std::span(c->label(), voxels));
    else
      add_array(zip, "seg", "|i1", *c, 1, std::span(small));
    zip.commit();
  }

  void expect_taken_over() const {
    v2::take_over_nnunet_cases(theirs_, plan_, 2);
    const CaseStore ours(ours_), taken(theirs_);
    v2::require_made_by(taken, plan_);
    ASSERT_EQ(taken.names(), ours.names());
    for (const std::string& name : ours.names()) {
      const auto a = ours.open(name), b = taken.open(name);
      ASSERT_EQ(a->size(), b->size());
      const auto voxels = static_cast<std::size_t>(volume(a->size()));
      EXPECT_TRUE(std::equal(a->image(), a->image() + voxels * static_cast<std::size_t>(a->channels()), b->image()));
      EXPECT_TRUE(std::equal(a->label(), a->label() + voxels, b->label()));
      EXPECT_EQ(python_pickle(v2::case_properties(taken, name)), python_pickle(v2::case_properties(ours, name)));
      const PreprocessedCase x = ours.origin(name).grid, y = taken.origin(name).grid;
      EXPECT_EQ(x.spacing, y.spacing);
      EXPECT_EQ(x.transpose, y.transpose);
    }
    const auto before = fs::last_write_time(theirs_ / "case_0_x.npy");
    v2::take_over_nnunet_cases(theirs_, plan_, 2);
    EXPECT_EQ(fs::last_write_time(theirs_ / "case_0_x.npy"), before);
  }

  std::string failure() const {
    try {
      v2::take_over_nnunet_cases(theirs_, plan_, 2);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  test::TempFolder folder_;
  fs::path dataset_ = folder_ / "preprocessed" / "Dataset900_Tiny", ours_ = folder_ / "ours",
           theirs_ = dataset_ / "nnUNetPlans_3d_fullres";
  V2Plan plan_;
};

TEST_F(NnunetCases, AreTakenOverAsTheyAre) {
  expect_taken_over();
}

TEST_F(NnunetCases, OfEarlierVersionsAreTakenOver) {
  const CaseStore store(ours_);
  write_older(store, "case_0");
  EXPECT_EQ(v2::nnunet_cases(theirs_).size(), 2U) << "not both forms";
  for (const std::string& name : store.names()) write_older(store, name);
  expect_taken_over();
}

TEST_F(NnunetCases, OfEarlierVersionsAreReadToTheirEnd) {
  const CaseStore store(ours_);
  write_older(store, "case_2");
  const fs::path file = theirs_ / "case_2.npz";
  const std::string content = test::content(file);
  const auto message = [&](std::string_view part) {
    test::write(file, std::string(part));
    try {
      v2::read_nnunet_case(theirs_, "case_2");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  for (const std::size_t length : {std::size_t{0}, content.size() / 2, content.size() - 1})
    EXPECT_NE(message(std::string_view(content).substr(0, length)).find("case_2.npz"), std::string::npos) << length;
  std::string other = content;
  for (std::size_t at = 0; (at = other.find("seg.npy", at)) != std::string::npos;) other[at] = 'S';
  EXPECT_NE(message(other).find("seg.npy"), std::string::npos) << message(other);
  {
    const auto c = store.open("case_2");
    const std::vector<float> floats(static_cast<std::size_t>(volume(c->size())), 1);
    v2::DeflatingZip zip(file, 1);
    add_array(zip, "data", "<f4", *c, 1, std::span<const float>(floats));
    add_array(zip, "seg", "<f4", *c, 1, std::span<const float>(floats));
    zip.commit();
  }
  EXPECT_NE(message(test::content(file)).find("no int8 or int16"), std::string::npos);
}

TEST_F(NnunetCases, ABrokenOneIsNamedAndTheNextRunGoesOn) {
  const fs::path file = theirs_ / "case_2.b2nd";
  const std::string content = test::content(file);
  for (const std::size_t length : {std::size_t{0}, std::size_t{100}, content.size() / 2, content.size() - 1}) {
    test::write(file, content.substr(0, length));
    EXPECT_THROW(v2::read_nnunet_case(theirs_, "case_2"), Error) << length;
  }
  EXPECT_NE(failure().find("1 of 3 cases cannot be taken over"), std::string::npos) << failure();
  EXPECT_THROW(CaseStore{theirs_}, Error);
  const auto before = fs::last_write_time(theirs_ / "case_0_x.npy");
  test::write(file, content);
  v2::take_over_nnunet_cases(theirs_, plan_, 1);
  EXPECT_EQ(CaseStore(theirs_).names().size(), 3U);
  EXPECT_EQ(fs::last_write_time(theirs_ / "case_0_x.npy"), before);
}

TEST_F(NnunetCases, OfAnotherTypeShapeOrPlanAreRefused) {
  const std::vector<double> doubles(60, 1);
  const fs::path image = theirs_ / "case_0.b2nd";
  write_b2nd(image, {1, 3, 4, 5}, "<f8", 8, doubles.data());
  const auto message = [&] {
    try {
      v2::read_nnunet_case(theirs_, "case_0");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message().find("holds values of type <f8, expected float32"), std::string::npos) << message();
  write_b2nd(image, {1, 6, 4, 5}, "<f4", 4, doubles.data());
  EXPECT_NE(message().find("but the image 1x6x4x5"), std::string::npos) << message();
  fs::remove(theirs_ / "case_0_seg.b2nd");
  EXPECT_NE(message().find("case_0_seg.b2nd: is not there"), std::string::npos) << message();

  const PythonValue properties = read_python_pickle(theirs_ / "case_1.pkl");
  EXPECT_EQ(v2::class_locations(properties, {{2}}, "case_1.pkl").size(), 1U);
  EXPECT_THROW(v2::class_locations(properties, {{1, 2}}, "case_1.pkl"), Error);
  EXPECT_THROW(v2::class_locations(PythonValue(1), {{1}}, "case_1.pkl"), Error);
  EXPECT_THROW(v2::stored_origin(PythonValue(PythonValue::Dict{}), {0, 1, 2}, "case_1.pkl"), Error);
}

TEST_F(NnunetCases, StayBesideThisProgramsOwn) {
  const auto source = fs::last_write_time(theirs_ / "case_0.b2nd");
  fs::copy(ours_, theirs_, fs::copy_options::recursive);
  v2::take_over_nnunet_cases(theirs_, plan_, 2);
  fs::remove(theirs_ / "case_0_x.npy");  // this program's preprocessing was interrupted
  v2::take_over_nnunet_cases(theirs_, plan_, 2);
  EXPECT_EQ(missing_cases(theirs_), std::vector<std::string>{"case_0"});
  EXPECT_EQ(fs::last_write_time(theirs_ / "case_0.b2nd"), source);
}

TEST_F(NnunetCases, AreDrawnAsOursAre) {
  setenv("nnUNet_preprocessed", (folder_ / "preprocessed").c_str(), 1);
  v2::OverlayOptions options{"Dataset900_Tiny", folder_ / "theirs"};
  EXPECT_EQ(v2::plot_preprocessed_overlays(options, "nnUNetPlans", ""), 0);
  EXPECT_FALSE(missing_cases(theirs_));
  v2::take_over_nnunet_cases(theirs_, plan_, 2);
  options.output = folder_ / "ours_drawn";
  EXPECT_EQ(v2::plot_preprocessed_overlays(options, "nnUNetPlans", "3d_fullres"), 0);
  for (const char* name : {"case_0.png", "case_1.png", "case_2.png"})
    EXPECT_EQ(test::content(folder_ / "theirs" / name), test::content(folder_ / "ours_drawn" / name)) << name;
  options.channel = 1;
  EXPECT_EQ(v2::plot_preprocessed_overlays(options, "nnUNetPlans", ""), 3);
  unsetenv("nnUNet_preprocessed");
}

}  // namespace
}  // namespace nnunet
