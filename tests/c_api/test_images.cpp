// Images from files to arrays and label maps back: what the program makes of the same files.
#include "models.h"
#include "nnunet/io/image_file.h"

namespace nnunet::test {
namespace {

namespace fs = std::filesystem;

using Loaded = std::unique_ptr<nnunet_loaded, void (*)(nnunet_loaded*)>;

class Images : public WithModel {
 protected:
  void SetUp() override {
    WithModel::SetUp();
    file_ = (folder_ / "case_0000.nii.gz").string();
    write_image(file_, tiny_image({13, 22, 25}));
    NNUNET_INIT(files_);
    files_.channels = &channel_;
    files_.channels_count = 1;
  }
  Loaded read(const Model& model) {
    channel_ = file_.c_str();
    nnunet_loaded* loaded = nullptr;
    const Answer done = answer(api().image_read(model.get(), &files_, &loaded));
    EXPECT_EQ(done.code, NNUNET_OK) << done.message;
    return {loaded, api().loaded_release};
  }
  static std::string place_of(const Loaded& loaded) {
    nnunet_text* text = nullptr;
    EXPECT_EQ(answer(api().loaded_json(loaded.get(), &text)).code, NNUNET_OK);
    return text_of(text);
  }
  Answer write(const Model& model, const Results& found, const std::string& place, const fs::path& to) const {
    return answer(api().labels_write(model.get(), &found.outputs.labels, place.c_str(), to.c_str()));
  }

  std::string file_;
  const char* channel_ = nullptr;
  nnunet_image_files files_;
};

TEST_P(Images, GoThroughArrays) {
  const Model model = opened();
  const Loaded loaded = read(model);
  nnunet_image image;
  NNUNET_INIT(image);
  ASSERT_EQ(answer(api().loaded_image(loaded.get(), &image)).code, NNUNET_OK);
  EXPECT_EQ(image.voxels.shape[1], 13);
  EXPECT_EQ(image.previous.data, nullptr);
  Results found({13, 22, 25}, 3);
  ASSERT_EQ(answer(api().segment(model.get(), &image, nullptr, &found.outputs)).code, NNUNET_OK);
  const fs::path label = folder_ / "written.nii.gz";
  ASSERT_EQ(write(model, found, place_of(loaded), label).message, "");

  const LabelMap written = read_label_map(label);
  EXPECT_EQ(written.voxels.values, program_labels(read_nifti(file_)).values);
  EXPECT_LT(affine_difference(written.geometry, read_nifti(file_).geometry), 1e-6);
}

TEST_P(Images, AreNotWrittenToAPlaceThatNobodyKnows) {
  const Model model = opened();
  const Results found({13, 22, 25}, 3);
  const Answer placeless = write(model, found, R"({"spacing": [2, 1, 1]})", folder_ / "a.nii.gz");
  EXPECT_EQ(placeless.code, NNUNET_FAILED);
  EXPECT_NE(placeless.message.find("sitk_stuff"), std::string::npos) << placeless.message;
  EXPECT_EQ(write(model, found, "{", folder_ / "a.nii.gz").code, NNUNET_INVALID_CALL);
  EXPECT_EQ(write(model, found, place_of(read(model)), folder_ / "a.png").code, NNUNET_INVALID_CALL);
  EXPECT_FALSE(fs::exists(folder_ / "a.nii.gz"));

  file_ = (folder_ / "none.nii.gz").string();
  channel_ = file_.c_str();
  nnunet_loaded* loaded = nullptr;
  const Answer absent = answer(api().image_read(model.get(), &files_, &loaded));
  EXPECT_EQ(absent.code, NNUNET_FAILED);
  EXPECT_NE(absent.message.find(file_), std::string::npos) << absent.message;
}

INSTANTIATE_TEST_SUITE_P(CInterface, Images, testing::Values(kOurs, kV2), kind_name);

}  // namespace
}  // namespace nnunet::test
