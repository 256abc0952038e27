#include "nnunet/io/names.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nnunet/io/image_case.h"
#include "nnunet/io/nifti.h"
#include "reference/shared.h"

using namespace nnunet;
using namespace nnunet::test;
namespace fs = std::filesystem;

namespace {

Image small_image() {
  Image image{Array<float>({1, 3, 4, 5}, 1.0F), {}};
  image.geometry.shape = {3, 4, 5};
  image.geometry.spacing = {1, 1, 1};
  return image;
}

/// Whatever it is called.
void put_image(const fs::path& path) {
  const fs::path image = path.parent_path() / "written.nii";
  write_image(image, small_image());
  fs::rename(image, path);
}

std::vector<std::string> names_of(const std::vector<ImageCase>& cases) {
  std::vector<std::string> names;
  for (const ImageCase& c : cases) names.push_back(c.name);
  return names;
}

}  // namespace

TEST(Names, SuffixesInAnyCaseOfLetters) {
  for (const char* name : {"a.nii.gz", "a.NII.GZ", "a.Nii.gz", "a.nii", "a.NII"}) {
    EXPECT_TRUE(is_nifti_name(name)) << name;
    EXPECT_EQ(nifti_stem(name), "a") << name;
  }
  for (const char* name : {"a.nii.gz.txt", "anii", "a.gz", "nii.gz", ""}) EXPECT_FALSE(is_nifti_name(name)) << name;
  EXPECT_TRUE(is_npy_name("A.NPY"));
  EXPECT_EQ(nifti_stem("Case.One.NII.GZ"), "Case.One");
}

TEST(Names, WrittenByAnyCaseOfLetters) {
  const TempFolder folder;
  write_image(folder / "a.NII.GZ", small_image());
  write_image(folder / "a.Nii", small_image());
  EXPECT_EQ(read_nifti(folder / "a.NII.GZ").geometry.shape, (Shape3{3, 4, 5}));
  EXPECT_LT(fs::file_size(folder / "a.NII.GZ"), fs::file_size(folder / "a.Nii"));
  save(folder / "b.NII.GZ", std::string("not packed"));
  EXPECT_ERROR(read_nifti(folder / "b.NII.GZ"), "is not a gzip file");
  save(folder / "b.IMG", std::string("pair"));
  EXPECT_ERROR(read_nifti(folder / "b.IMG"), ".hdr/.img pairs");
}

TEST(Names, ImagesOfAFolder) {
  const TempFolder folder;
  for (const char* name : {"a.nii.gz", "B.NII.GZ", "c.Nii", "d.txt"}) put_image(folder / name);
  EXPECT_EQ(names_of(list_image_cases(folder.path(), 1)), (std::vector<std::string>{"B", "a", "c"}));
  fs::copy(folder / "a.nii.gz", folder / "a.NII");
  const auto cases = list_image_cases(folder.path(), 1);
  ASSERT_EQ(names_of(cases), (std::vector<std::string>{"B", "a", "c"}));
  EXPECT_EQ(cases[1].problem, "a.NII and a.nii.gz would have the same output");
  EXPECT_TRUE(cases[0].problem.empty() && cases[2].problem.empty());
}

TEST(Names, ChannelsInAnyCaseOfLetters) {
  const TempFolder folder;
  for (const char* name : {"p_0000.nii", "p_0001.NII", "q_0000.nii", "q_0001.nii", "q_0001.NII"})
    put_image(folder / name);
  const auto cases = list_image_cases(folder.path(), 2);
  ASSERT_EQ(names_of(cases), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(cases[0].channels.size(), 2U);
  EXPECT_TRUE(cases[0].problem.empty()) << cases[0].problem;
  EXPECT_EQ(cases[1].problem, "channel 1 is there twice: q_0001.NII and q_0001.nii");
}

TEST(Names, ChannelsThatAreNotThere) {
  const TempFolder folder;
  for (const char* name : {"p_0001.nii", "p_0002.nii"}) put_image(folder / name);
  EXPECT_EQ(list_image_cases(folder.path(), 2).at(0).problem,
            "the network takes 2 channels, p_0000 to p_0001; found p_0001, p_0002");
  // Files of these formats may hold several channels each, so that only their numbers can be looked at.
  const ImageFormat pictures{.ending = ".png", .numbered = true};
  for (const char* name : {"a_0000.png", "b_0001.png", "b_0002.png", "c_0000.png", "c_0001.png"})
    save(folder / name, std::string());
  const auto cases = list_image_cases(folder.path(), 2, pictures);
  ASSERT_EQ(names_of(cases), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(cases[0].problem.empty() && cases[2].problem.empty());
  EXPECT_EQ(cases[1].problem, "the network takes 2 channels, b_0000 to b_0001; found b_0001, b_0002");
}

TEST(Names, KnownSuffixes) {
  EXPECT_EQ(known_suffix("map.MHA"), ".mha");
  EXPECT_EQ(known_suffix("a/map.nii.bz2"), ".nii.bz2");
  EXPECT_EQ(known_suffix("map.seg.nrrd"), ".nrrd");
  for (const char* folder : {"out", "out.v2", "2024.05.01", "map.mha/", "..", ".", "a.mha/b"})
    EXPECT_EQ(known_suffix(folder), "") << folder;
}

TEST(Names, OutputsOfLabelMaps) {
  const TempFolder folder;
  fs::create_directory(folder / "old.mha");
  for (const char* fine : {"map.nii", "map.NII.GZ", "out", "out.v2", "map.mha/", "old.mha"})
    require_label_output(folder / fine);
  for (const char* bad : {"map.mha", "map.nrrd", "map.nii.bz2", "map.MGZ", "map.dcm", "map.npy", "map.gz"})
    EXPECT_ERROR(require_label_output(folder / bad), "label maps are written as .nii.gz or .nii, the name ends in");
  EXPECT_ERROR(protect_inputs({}, folder / "a.nii", folder / "map.mha"), "end that of a folder with a slash");
  const ImageCase longest{std::string(250, 'n'), {folder / (std::string(250, 'n') + ".nii")}, {}};
  EXPECT_ERROR(protect_inputs({longest}, folder / "a.nii", folder / "out"), "name has 257 bytes, the disk allows");
  EXPECT_NO_THROW(protect_inputs({longest}, folder / "a.nii", folder / "out.nii.gz"));
}

TEST(Names, OutputsOfOtherKinds) {
  const TempFolder folder;
  require_file_suffix("scores.JSON", "--json", {".json"});
  require_file_suffix("scores", "--json", {".json"});
  EXPECT_ERROR(require_file_suffix("scores.csv", "--json", {".json"}),
               "--json scores.csv: .csv files cannot be written");
  require_folder_name(folder / "model.v1", "--output");
  EXPECT_ERROR(require_folder_name(folder / "model.onnx", "--output"), "is to be a folder, but the name ends in .onnx");
  fs::create_directory(folder / "model.onnx");
  require_folder_name(folder / "model.onnx", "--output");
}
