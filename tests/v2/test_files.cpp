// .npz, zip files, JSON and pickles as Python has them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "nnunet/checkpoint/python_value.h"
#include "nnunet/core/error.h"
#include "nnunet/io/image_properties.h"
#include "nnunet/io/npy.h"
#include "nnunet/io/zip_archive.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/model_zip.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/properties.h"
#include "nnunet/v2/python_json.h"
#include "reference/npz.h"
#include "reference/shared.h"
#include "v2/deflating_zip.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

std::vector<float> wave(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i) * 0.01F);
  return values;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Npz, ComesBackClassByClass) {
  const TempFolder folder;
  const std::vector<std::int64_t> shape{5, 40, 60, 50};  // several blocks of a megabyte
  const std::vector<float> values = wave(5 * 40 * 60 * 50);
  const std::size_t one = values.size() / 5;
  NpzWriter writer(folder / "a.npz", shape, 3);
  for (std::size_t c = 0; c < 5; ++c) writer.write(std::span(values).subspan(c * one, one));
  EXPECT_FALSE(fs::exists(folder / "a.npz"));
  writer.commit();

  const auto whole = test::Npz(folder / "a.npz");  // another reader
  NpzReader reader(folder / "a.npz");
  EXPECT_EQ(reader.shape(), shape);
  std::vector<float> part(one);
  for (std::size_t c = 0; c < 5; ++c) {
    reader.read(part);
    ASSERT_TRUE(std::equal(part.begin(), part.end(), values.begin() + static_cast<std::ptrdiff_t>(c * one)));
  }
  EXPECT_THROW(reader.read(part), Error);
}

TEST(Npz, IsMadeFromAnNpyFile) {
  const TempFolder folder;
  Array<float> array({2, 3, 4, 5});
  array.values = wave(array.values.size());
  write_npy(folder / "a.npy", array);
  write_npz(folder / "a.npz", folder / "a.npy", 2);
  NpzReader reader(folder / "a.npz");
  EXPECT_EQ(reader.shape(), array.shape);
  std::vector<float> values(array.values.size());
  reader.read(values);
  EXPECT_EQ(values, array.values);
}

/// An .npz of one array whose header and values are given.
fs::path hand_made(const TempFolder& folder, const std::string& header, const std::string& values) {
  const std::string head = header + "\n";
  std::string npy = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(head.size()) + '\0' + head + values;
  DeflatingZip zip(folder / "made.npz", 1);
  zip.begin("probabilities.npy");
  zip.write(bytes_of(npy));
  zip.end();
  zip.commit();
  return folder / "made.npz";
}

TEST(Npz, Float16AndFortranOrder) {
  const TempFolder folder;
  const std::string halves{'\x00', '\x3c', '\x00', '\xb8', '\x00', '\x40'};  // 1, -0.5, 2
  NpzReader half(hand_made(folder, "{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }", halves));
  std::vector<float> values(3);
  half.read(values);
  EXPECT_EQ(values, (std::vector<float>{1, -0.5F, 2}));

  const std::vector<float> stored{0, 10, 1, 11, 2, 12};  // (2, 3), first axis innermost
  std::string bytes(reinterpret_cast<const char*>(stored.data()), 24);
  NpzReader turned(hand_made(folder, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", bytes));
  std::vector<float> six(6);
  turned.read(six);
  EXPECT_EQ(six, (std::vector<float>{0, 1, 2, 10, 11, 12}));
}

TEST(Npz, WhatIsNoneIsRefused) {
  const TempFolder folder;
  EXPECT_THROW(NpzReader{folder / "absent.npz"}, Error);
  test::write(folder / "text.npz", "not a zip file");
  EXPECT_THROW(NpzReader{folder / "text.npz"}, Error);
  EXPECT_THROW(NpzReader(hand_made(folder, "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", "1234")),
               Error);
  EXPECT_THROW(NpzReader(hand_made(folder, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1234")),
               Error);
  EXPECT_THROW(NpzReader(hand_made(folder, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "1234")),
               Error);
  EXPECT_THROW(NpzReader(hand_made(folder,
                                   "{'descr': '<f4', 'fortran_order': False, 'shape': "
                                   "(9223372036854775807, 9223372036854775807), }",
                                   "1234")),
               Error);
  EXPECT_THROW(
      NpzReader(hand_made(folder, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "1234"), "other"),
      Error);
}

TEST(Npz, DamageIsNoticed) {
  const TempFolder folder;
  NpzWriter writer(folder / "a.npz", {3000}, 1);
  writer.write(wave(3000));
  writer.commit();
  const std::string good = test::content(folder / "a.npz");
  std::vector<float> values(3000);
  for (std::size_t at = 0; at < good.size(); at += 61) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    test::write(folder / "bad.npz", bad);
    try {  // either refused, or (names and dates of the directory) the same values
      NpzReader reader(folder / "bad.npz");
      reader.read(values);
      EXPECT_EQ(values, wave(3000)) << at;
    } catch (const Error&) {
    }
    test::write(folder / "short.npz", good.substr(0, at));
    EXPECT_THROW(NpzReader{folder / "short.npz"}, Error) << at;
  }
}

TEST(InstallModel, ReplacesFilesAndMakesFolders) {
  const TempFolder folder;
  DeflatingZip zip(folder / "m.zip", 2);
  const std::string large(3000000, 'x');
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"D/a.txt", "new"}, {"D/deep/b.bin", large}, {"c", ""}}) {
    zip.begin(name);
    zip.write(bytes_of(text));
    zip.end();
  }
  zip.commit();
  test::write(folder / "out/D/a.txt", "old");
  EXPECT_EQ(install_model_from_zip(folder / "m.zip", folder / "out"), 3);
  EXPECT_EQ(test::content(folder / "out/D/a.txt"), "new");
  EXPECT_EQ(test::content(folder / "out/D/deep/b.bin"), large);
  EXPECT_TRUE(fs::exists(folder / "out/c"));
}

TEST(InstallModel, NothingLeavesTheFolder) {
  const TempFolder folder;
  for (const std::string name : {"../evil", "/tmp/nnunet_evil", "a/../../evil", "a\\evil", ""}) {
    DeflatingZip zip(folder / "m.zip", 1);
    for (const std::string& each : {std::string("good"), name}) {
      zip.begin(each);
      zip.write(bytes_of("text"));
      zip.end();
    }
    zip.commit();
    EXPECT_THROW(install_model_from_zip(folder / "m.zip", folder / "out"), Error) << name;
    EXPECT_FALSE(fs::exists(folder / "evil")) << name;
    EXPECT_FALSE(fs::exists(folder / "out/good")) << name;
  }
  fs::create_directories(folder / "elsewhere");
  fs::create_directories(folder / "out");
  fs::create_directory_symlink(folder / "elsewhere", folder / "out/link");
  DeflatingZip zip(folder / "m.zip", 1);
  zip.begin("link/evil");
  zip.write(bytes_of("text"));
  zip.end();
  zip.commit();
  EXPECT_THROW(install_model_from_zip(folder / "m.zip", folder / "out"), Error);
  EXPECT_FALSE(fs::exists(folder / "elsewhere/evil"));
}

TEST(PythonJson, NumbersTextAndOrderAreAsPythonWritesThem) {
  const Json json{{"z", 1},
                  {"a", Json::array({1.0, 0.1, 1e-5, 1e16, 123456789.0, std::nan("")})},
                  {"ü", true},
                  {"empty", Json::object()},
                  {"none", nullptr}};
  EXPECT_EQ(
      python_json(json, Keys::sorted),
      "{\n    \"a\": [\n        1.0,\n        0.1,\n        1e-05,\n        1e+16,\n        123456789.0,\n        "
      "NaN\n    ],\n    \"empty\": {},\n    \"none\": null,\n    \"z\": 1,\n    \"\\u00fc\": true\n}");
  EXPECT_TRUE(python_json(json, Keys::as_they_are).starts_with("{\n    \"z\": 1"));
}

TEST(PythonJson, NanIsReadAndTextStays) {
  const TempFolder folder;
  test::write(folder / "a.json", R"({"b": NaN, "a": [-Infinity, 1.5], "NaN": "a \"NaN\" \\"})");
  const Json json = read_python_json(folder / "a.json");
  EXPECT_TRUE(json["b"].is_null());
  EXPECT_EQ(json["NaN"], "a \"NaN\" \\");
  EXPECT_EQ(json.begin().key(), "b");
  test::write(folder / "bad.json", "{\"a\": }");
  EXPECT_THROW(read_python_json(folder / "bad.json"), Error);
  EXPECT_THROW(read_python_json(folder / "absent.json"), Error);
}

TEST(DatasetLabels, LabelsRegionsAndIgnore) {
  const auto labels = dataset_labels(
      Json::parse(R"({"labels": {"background": 0, "b": 2, "a": [1], "ignore": 3}, "file_ending": ".nii.gz"})"), "d");
  EXPECT_FALSE(labels.has_regions);
  EXPECT_EQ(labels.foreground, (std::vector<LabelOrRegion>{{{1}, false}, {{2}, false}}));
  EXPECT_EQ(labels.ignore, 3);
  EXPECT_EQ(labels.heads(), 3);
  const auto regions = dataset_labels(Json::parse(R"({"labels": {"background": 0, "whole": [1, 2, 3], "core": [2],
      "tip": 3}, "regions_class_order": [1, 2, 3], "file_ending": ".nii.gz"})"),
                                      "d");
  EXPECT_TRUE(regions.has_regions);
  EXPECT_EQ(regions.heads(), 3);
  EXPECT_EQ(regions.foreground[0].key(), "(1, 2, 3)");
  EXPECT_EQ(regions.foreground[1].key(), "(2,)");
  EXPECT_EQ(regions.foreground[2].key(), "3");
  for (const char* const bad :
       {R"({"labels": {"background": 0, "a": 1}})", R"({"file_ending": "x"})",
        R"({"labels": {"background": 0, "a": 1.5}, "file_ending": "x"})",
        R"({"labels": {"background": 0, "a": [1, 2]}, "file_ending": "x"})",
        R"({"labels": {"background": 0, "a": [1, 2]}, "regions_class_order": [1, 2], "file_ending": "x"})",
        R"({"labels": {"background": 0}, "file_ending": "x"})"})
    EXPECT_THROW(dataset_labels(Json::parse(bad), "d"), Error) << bad;
}

TEST(Environment, FoldersAndDatasetNames) {
  const TempFolder folder;
  for (const char* const variable : {"nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"}) ::unsetenv(variable);
  EXPECT_THROW(results_folder(), Error);
  EXPECT_EQ(dataset_name("Dataset004_Heart"), "Dataset004_Heart");
  EXPECT_THROW(dataset_name("4"), Error);
  EXPECT_THROW(dataset_name("heart"), Error);
  fs::create_directories(folder / "raw/Dataset004_Heart");
  fs::create_directories(folder / "results/Dataset004_Heart");
  ::setenv("nnUNet_raw", (folder / "raw").c_str(), 1);
  ::setenv("nnUNet_results", (folder / "results").c_str(), 1);
  EXPECT_EQ(dataset_name("4"), "Dataset004_Heart");
  fs::create_directories(folder / "results/Dataset004_Other");
  EXPECT_THROW(dataset_name("004"), Error);
  ::unsetenv("nnUNet_raw");
  ::unsetenv("nnUNet_results");
  EXPECT_EQ(model_name("nnUNetTrainer__nnUNetPlans__3d_fullres").configuration, "3d_fullres");
  EXPECT_THROW(model_name("nnUNetTrainer__nnUNetPlans"), Error);
}

TEST(PythonPickle, ValuesComeBack) {
  const std::vector<double> affine{1.5, 0, 0, 2, 0, 1, 0, 3, 0, 0, 1, 4, 0, 0, 0, 1};
  const PythonValue written = PythonValue::Dict{
      {{"spacing", PythonValue::List{{2.5, 1.0, std::int64_t{1} << 40}}},
       {PythonValue::Tuple{{-1, true}}, PythonValue()},
       {"affine", PythonValue::Array{"f8", {4, 4}, std::string(reinterpret_cast<const char*>(affine.data()), 128)}}}};
  const PythonValue read = read_python_pickle(python_pickle(written), "p");
  EXPECT_EQ(read.find("spacing")->as_doubles("spacing"), (std::vector<double>{2.5, 1, 1099511627776.0}));
  EXPECT_EQ(read.find("affine")->as_doubles("affine"), affine);
  EXPECT_EQ(std::get<PythonValue::Array>(read.find("affine")->data).shape, (std::vector<std::int64_t>{4, 4}));
  const auto& entries = std::get<PythonValue::Dict>(read.data).entries;
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(std::get<PythonValue::Tuple>(entries[1].first.data).items[0].as_int("x"), -1);
  EXPECT_EQ(read.find("absent"), nullptr);
}

TEST(Properties, ItkAndNibabel) {
  const PythonValue itk = PythonValue::Dict{
      {{"sitk_stuff", PythonValue::Dict{{{"spacing", PythonValue::Tuple{{0.5, 1.0, 2.0}}},
                                         {"origin", PythonValue::Tuple{{10.0, 20.0, 30.0}}},
                                         {"direction", PythonValue::Tuple{{1.0, 0, 0, 0, -1.0, 0, 0, 0, 1}}}}}}}};
  const Geometry geometry = placed(Array<std::uint16_t>({2, 3, 4}), itk, "p").geometry;
  EXPECT_EQ(geometry.spacing, (Spacing3{2, 1, 0.5}));
  EXPECT_EQ(geometry.affine[0], (std::array<double, 4>{-0.5, 0, 0, -10}));
  EXPECT_EQ(geometry.affine[1], (std::array<double, 4>{0, 1, 0, -20}));
  EXPECT_EQ(geometry.affine[2], (std::array<double, 4>{0, 0, 2, 30}));
  const PythonValue none = PythonValue::Dict{};
  EXPECT_THROW(placed(Array<std::uint16_t>({2, 3, 4}), none, "p"), Error);
}

/// An image with turned axes, as the readers that reorient see it, and its labels back on the file's axes.
TEST(Properties, ReorientedLabelsAreTurnedBack) {
  Image image{Array<float>({1, 2, 3, 4}), {}};
  for (std::size_t i = 0; i < image.voxels.values.size(); ++i) image.voxels.values[i] = static_cast<float>(i);
  image.geometry.shape = {2, 3, 4};
  image.geometry.spacing = {2, 3, 4};
  image.geometry.affine = {{{0, 0, -2, 5}, {-4, 0, 0, 6}, {0, 3, 0, 7}, {0, 0, 0, 1}}};
  for (const ImageReader reader : {ImageReader::simple_itk_reorient, ImageReader::nibabel_reorient}) {
    Image turned = image;
    const Reorientation how = to_canonical(turned, reader, "image");
    const ReaderProperties properties = reader_properties(turned.geometry, reader, &how);
    PythonValue::Dict stuff;
    const auto list = [](const std::vector<double>& values) {
      PythonValue::Tuple tuple;
      for (const double value : values) tuple.items.emplace_back(value);
      return tuple;
    };
    if (properties.itk) {
      const PythonValue::Dict itk{{{"spacing", list(properties.itk->spacing)},
                                   {"origin", list(properties.itk->origin)},
                                   {"direction", list(properties.itk->direction)},
                                   {"original_orientation", *properties.itk->original_orientation}}};
      stuff.entries.emplace_back("sitk_stuff", itk);
    } else {
      std::vector<double> affine;
      for (const auto& row : properties.nibabel->original_affine) affine.insert(affine.end(), row.begin(), row.end());
      const PythonValue::Dict nibabel{{{"original_affine", list(affine)}, {"reoriented_affine", list(affine)}}};
      stuff.entries.emplace_back("nibabel_stuff", nibabel);
    }
    Array<std::uint16_t> labels(std::vector<std::int64_t>(turned.voxels.shape.begin() + 1, turned.voxels.shape.end()));
    std::ranges::transform(turned.voxels.values, labels.values.begin(),
                           [](float value) { return static_cast<std::uint16_t>(value); });
    const WideLabelMap back = placed(labels, stuff, "p");
    EXPECT_EQ(back.geometry.shape, image.geometry.shape);
    EXPECT_LT(affine_difference(back.geometry, image.geometry), 1e-9);
    ASSERT_TRUE(std::ranges::equal(back.voxels.values, image.voxels.values)) << image_reader_name(reader);
  }
}

}  // namespace
}  // namespace nnunet::v2
