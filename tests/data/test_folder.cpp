#include <gtest/gtest.h>

#include "message_of.h"
#include "nnunet/data/folder.h"
#include "preprocessed.h"

namespace nnunet {
namespace {

using test::FolderWriter;
using test::message_of;
using test::TempFolder;
using Names = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

FolderWriter write_folder(const std::filesystem::path& path, const Names& cases, const Names& listed = {}) {
  FolderWriter writer(path);
  std::filesystem::create_directories(path);
  writer.config("4,4,4", 2, 1, listed);
  for (const auto& name : cases) writer.image(name, Array<float>({1, 4, 4, 4}));
  return writer;
}

TEST(PreprocessedFolder, ByItselfOrByTask) {
  const TempFolder temp;
  write_folder(temp / "04_3d", {"b", "a"});
  for (const auto& data : {temp.path(), temp / "04_3d", temp / "04_3d/"}) {
    const PreprocessedFolder folder(data, "04", 3);
    EXPECT_EQ(folder.path().filename(), "04_3d");
    EXPECT_EQ(folder.cases(), (Names{"a", "b"}));
    EXPECT_EQ(folder.config().n_class, 2);
    EXPECT_FALSE(folder.is_val() || folder.is_test());
  }
}

TEST(PreprocessedFolder, CasesInOrderOfTheirFiles) {
  const TempFolder temp;
  write_folder(temp / "d", {"a", "a1", "B", "a_2", "b10", "b9"});
  write_text(temp / "d/notes.txt", "x");
  write_text(temp / "d/c_x.npy.tmp.1.2", "half a file");
  write_text(temp / "d/_x.npy", "no name");
  EXPECT_EQ(PreprocessedFolder(temp / "d", "", 3).cases(), (Names{"B", "a1", "a_2", "a", "b10", "b9"}));
}

TEST(PreprocessedFolder, FoldsAreMadeOverTheTrainingFoldersList) {
  const TempFolder temp;
  write_folder(temp / "04_3d", {"a", "b", "c"}, {"c", "a1", "a", "b"});
  write_folder(temp / "04_3d/val", {"a", "b"}, {"a", "b"});
  write_folder(temp / "04_3d/test", {"t"}, {"t"});
  const PreprocessedFolder training(temp / "04_3d", "", 3), val(temp / "04_3d/val", "", 3),
      testing(temp / "04_3d/test", "", 3);
  EXPECT_EQ(training.fold_cases(), (Names{"a1", "a", "b", "c"}));
  EXPECT_TRUE(val.is_val());
  EXPECT_TRUE(testing.is_test());
  EXPECT_EQ(val.cases(), (Names{"a", "b"}));
  EXPECT_EQ(val.fold_cases(), training.fold_cases());
  EXPECT_EQ(testing.fold_cases(), Names{"t"});
}

TEST(PreprocessedFolder, FoldsWithoutAList) {
  const TempFolder temp;
  write_folder(temp / "04_3d", {"c", "a", "b"});
  write_folder(temp / "04_3d/val", {"b"});
  write_folder(temp / "alone/val", {"d", "b"});
  EXPECT_EQ(PreprocessedFolder(temp / "04_3d", "", 3).fold_cases(), (Names{"a", "b", "c"}));
  EXPECT_EQ(PreprocessedFolder(temp / "04_3d/val", "", 3).fold_cases(), (Names{"a", "b", "c"}));
  EXPECT_EQ(PreprocessedFolder(temp / "alone/val", "", 3).fold_cases(), (Names{"b", "d"}));
}

TEST(PreprocessedFolder, NothingThere) {
  const TempFolder temp;
  const std::string message = message_of([&] { PreprocessedFolder(temp / "results", "04", 3); });
  EXPECT_TRUE(contains(message, (temp / "results").string() + " and ")) << message;
  EXPECT_TRUE(contains(message, (temp / "results/04_3d").string())) << message;
}

TEST(PreprocessedFolder, OtherDimensionOrNoCase) {
  const TempFolder temp;
  write_folder(temp / "04_3d", {"a"});
  write_folder(temp / "empty", {});
  EXPECT_TRUE(contains(message_of([&] { PreprocessedFolder(temp / "04_3d", "", 2); }), "3D"));
  EXPECT_TRUE(contains(message_of([&] { PreprocessedFolder(temp / "empty", "", 3); }), "no case"));
}

TEST(PreprocessedFolder, OpensWhatFits) {
  const TempFolder temp;
  const FolderWriter writer = write_folder(temp / "d", {"a"});
  const PreprocessedFolder folder(temp / "d", "", 3);
  EXPECT_EQ(folder.open_x("a").shape(), (std::vector<std::int64_t>{1, 4, 4, 4}));
  EXPECT_FALSE(folder.open_y("a").has_value());
  EXPECT_FALSE(folder.read_meta("a").has_value());
  writer.label("a", Array<std::uint8_t>({1, 4, 4, 4}));
  EXPECT_EQ(folder.open_y("a")->shape(), (std::vector<std::int64_t>{1, 4, 4, 4}));
  Array<std::int64_t> meta({3, 3});
  meta.values = {1, 2, 3, 5, 6, 7, 8, 9, 10};
  write_npy(temp / "d/a_meta.npy", meta);
  const auto rows = folder.read_meta("a");
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ((*rows)[0], (Shape3{1, 2, 3}));
  EXPECT_EQ((*rows)[1], (Shape3{5, 6, 7}));
  EXPECT_EQ((*rows)[2], (Shape3{8, 9, 10}));
}

TEST(PreprocessedFolder, OtherTypesAreConverted) {
  const TempFolder temp;
  write_folder(temp / "d", {"a"});
  const PreprocessedFolder folder(temp / "d", "", 3);
  write_npy(temp / "d/a_x.npy", Array<double>({1, 4, 4, 4}, 0.25));
  write_npy(temp / "d/a_y.npy", Array<std::int64_t>({1, 4, 4, 4}, 2));
  Array<std::int32_t> meta({3, 3});
  meta.values = {1, 2, 3, 5, 6, 7, 8, 9, 10};
  write_npy(temp / "d/a_meta.npy", meta);
  EXPECT_EQ(folder.open_x("a").values<float>()[63], 0.25F);
  EXPECT_EQ(folder.open_y("a")->values<std::uint8_t>()[63], 2);
  EXPECT_EQ((*folder.read_meta("a"))[1], (Shape3{5, 6, 7}));
}

TEST(PreprocessedFolder, RefusesWhatDoesNotFit) {
  const TempFolder temp;
  const FolderWriter writer = write_folder(temp / "d", {"good"});
  const PreprocessedFolder folder(temp / "d", "", 3);
  writer.image("channels", Array<float>({2, 4, 4, 4}));
  writer.image("axes", Array<float>({1, 4, 4}));
  writer.image("empty", Array<float>({1, 4, 0, 4}));
  write_npy(temp / "d/type_x.npy", Array<double>({1, 4, 4, 4}, 1e300));
  for (const char* name : {"channels", "axes", "empty", "type", "absent"}) {
    EXPECT_TRUE(contains(message_of([&, name] { folder.open_x(name); }), name + std::string("_x.npy"))) << name;
  }
  writer.label("channels", Array<std::uint8_t>({2, 4, 4, 4}));
  writer.label("axes", Array<std::uint8_t>({4, 4, 4}));
  write_npy(temp / "d/type_y.npy", Array<float>({1, 4, 4, 4}, 0.5F));
  for (const char* name : {"channels", "axes", "type"}) {
    EXPECT_TRUE(contains(message_of([&, name] { folder.open_y(name); }), name + std::string("_y.npy"))) << name;
  }
  write_npy(temp / "d/axes_meta.npy", Array<std::int64_t>({2, 3}, 1));
  write_npy(temp / "d/type_meta.npy", Array<float>({3, 3}, 1.5F));
  write_npy(temp / "d/box_meta.npy", Array<std::int64_t>({3, 3}, 1));  // empty box
  for (const char* name : {"axes", "type", "box"}) {
    EXPECT_TRUE(contains(message_of([&, name] { folder.read_meta(name); }), name + std::string("_meta.npy"))) << name;
  }
}

}  // namespace
}  // namespace nnunet
