// DICOM series through the C interface: what the program makes of the same files.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "models.h"
#include "nnunet/dicom/read_series.h"
#include "nnunet/io/image_file.h"

namespace nnunet::test {
namespace {

namespace fs = std::filesystem;
using Dicom = std::unique_ptr<nnunet_dicom, void (*)(nnunet_dicom*)>;
using Loaded = std::unique_ptr<nnunet_loaded, void (*)(nnunet_loaded*)>;
using Json = nlohmann::json;

constexpr Shape3 kShape{7, 20, 22};

/// Of kShape, with an object in the air; rows run to the patient's back and columns to his head, so that readers that
/// turn images have something to do.
void write_study(const fs::path& folder, const std::string& series = "1.2.3.4") {
  write_series(folder, static_cast<int>(kShape[0]), [&](DicomSlice& slice, int z) {
    slice.series = series;
    slice.instance = fmt::format("{}.{}", series, z + 1);
    slice.orientation = "0\\1\\0\\0\\0\\1";
    slice.position = {-10.0 - 2.0 * z, -20, 30};
    slice.rows = static_cast<int>(kShape[1]);
    slice.columns = static_cast<int>(kShape[2]);
    slice.values.clear();
    for (int y = 0; y < slice.rows; ++y)
      for (int x = 0; x < slice.columns; ++x)
        slice.values.push_back(static_cast<std::int16_t>(z > 1 && y > 2 && x > 3 ? (x * 31 + y * 7 + z * 53) % 97 : 0));
  });
}

Answer find(const fs::path& path, Dicom& dicom) {
  nnunet_dicom* found = nullptr;
  Answer done = answer(api().dicom_find(path.c_str(), &found));
  dicom = Dicom(found, api().dicom_release);
  return done;
}

Json json_of(const Dicom& dicom) {
  nnunet_text* text = nullptr;
  EXPECT_EQ(answer(api().dicom_json(dicom.get(), &text)).code, NNUNET_OK);
  return Json::parse(text_of(text));
}

class DicomSeries : public testing::Test {
 protected:
  void SetUp() override {
    NNUNET_NEEDS_DICOM();
    write_study(study_);
    ASSERT_EQ(find(study_, dicom_).message, "");
  }

  Loaded load(const std::vector<const char*>& uids = {}) const {
    nnunet_loaded* loaded = nullptr;
    const Answer done = answer(api().dicom_image(dicom_.get(), uids.data(), uids.size(), 0, &loaded));
    EXPECT_EQ(done.message, "");
    return {loaded, api().loaded_release};
  }
  static nnunet_image image_of(const Loaded& loaded) {
    nnunet_image image;
    NNUNET_INIT(image);
    EXPECT_EQ(answer(api().loaded_image(loaded.get(), &image)).code, NNUNET_OK);
    return image;
  }
  Answer write_object(const Array<std::uint8_t>& labels, const nnunet_object_options* options, const fs::path& file,
                      const char* uid = nullptr) const {
    const nnunet_array array = array_of(labels);
    return answer(api().dicom_write(dicom_.get(), uid, &array, options, file.c_str()));
  }

  TempFolder folder_;
  fs::path study_ = folder_ / "study";
  Dicom dicom_{nullptr, api().dicom_release};
};

TEST_F(DicomSeries, SayWhatTheyAre) {
  dicom::Finding finding = dicom::find_series(study_);
  const dicom::FoundSeries& known = finding.series.at(0);
  write(study_ / "notes.txt", "no DICOM");
  test::DicomSlice localizer = dicom_slice(0);
  localizer.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
  write_bytes(study_ / "localizer", localizer.file());
  ASSERT_EQ(find(study_, dicom_).message, "");
  const Json json = json_of(dicom_);
  ASSERT_EQ(json.at("series").size(), 1U);
  const Json& series = json.at("series").at(0);
  EXPECT_EQ(series.at("uid"), "1.2.3.4");
  EXPECT_EQ(series.at("modality"), "CT");
  EXPECT_EQ(series.at("number"), 3);
  EXPECT_EQ(series.at("shape"), Json(kShape));
  EXPECT_EQ(series.at("spacing"), Json(known.series.spacing));
  EXPECT_EQ(series.at("origin"), Json(known.series.frames.front().position));
  EXPECT_EQ(series.at("problem"), "");
  EXPECT_EQ(json.at("others"), 1);
  EXPECT_EQ(json.at("left_out").size(), 1U) << json.dump();
  EXPECT_EQ(json.dump().find("Jane"), std::string::npos);
}

TEST_F(DicomSeries, AreImagesOnTheirOwnAxes) {
  const Image known = dicom::read_series(dicom::find_series(study_).series.at(0));
  const Loaded loaded = load();
  const nnunet_image image = image_of(loaded);
  EXPECT_EQ(image.voxels.shape[0], 1);
  EXPECT_TRUE(std::ranges::equal(std::span(image.voxels.shape).subspan<1>(), known.voxels.spatial()));
  EXPECT_TRUE(
      std::equal(known.voxels.values.begin(), known.voxels.values.end(), static_cast<const float*>(image.voxels.data)));
  EXPECT_STREQ(image.name, "1.2.3.4");
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t axis = 0; axis < 3; ++axis)
      EXPECT_NEAR((row < 2 ? -1 : 1) * image.direction[3 * row + axis] * image.spacing[2 - axis],
                  known.geometry.affine[row][axis], 1e-12);
}

TEST_F(DicomSeries, OnOneGridAreChannels) {
  write_study(study_ / "other", "1.2.3.5");
  ASSERT_EQ(find(study_, dicom_).message, "");
  const nnunet_image one = image_of(load({"1.2.3.5"}));
  EXPECT_EQ(one.voxels.shape[0], 1);
  const Loaded loaded = load({"1.2.3.5", "1.2.3.4"});
  const nnunet_image two = image_of(loaded);
  EXPECT_EQ(two.voxels.shape[0], 2);
  EXPECT_STREQ(two.name, "1.2.3.5");
}

/// What an object says of the voxels: its pixels, which come last, or the contours of a structure set.
std::string drawn(const fs::path& file) {
  using namespace std::string_literals;
  const std::string bytes = read(file);
  if (const std::size_t at = bytes.rfind("\xe0\x7f\x10\x00"s); at != std::string::npos) return bytes.substr(at);
  const std::string contour = "\x06\x30\x50\x00"s;
  std::string all;
  for (std::size_t at = bytes.find(contour); at != std::string::npos; at = bytes.find(contour, at + 8)) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at + 4, sizeof length);
    all += bytes.substr(at + 8, length) + '\n';
  }
  return all;
}

TEST_F(DicomSeries, BecomeTheObjectsOfTheProgram) {
  Array<std::uint8_t> labels({kShape[0], kShape[1], kShape[2]});
  for (std::size_t i = 0; i < labels.values.size(); ++i) labels.values[i] = i % 7 == 0 ? 1 : i % 11 == 0 ? 2 : 0;
  const Image known = dicom::read_series(dicom::find_series(study_).series.at(0));
  write_label_map(folder_ / "labels.nii.gz", {labels, known.geometry});
  nnunet_object_options options;
  NNUNET_INIT(options);
  options.labels = R"({"1": "liver", "2": {"name": "odd thing"}})";
  write(folder_ / "labels.json", options.labels);
  for (const auto& [type, name] :
       {std::pair{NNUNET_BINARY, "binary"}, {NNUNET_LABELMAP, "labelmap"}, {NNUNET_RTSTRUCT, "rtstruct"}}) {
    const fs::path ours = folder_ / fmt::format("{}.dcm", name), theirs = folder_ / fmt::format("{}_program.dcm", name);
    options.type = type;
    const Answer done = write_object(labels, &options, ours);
    if (done.message.find("DCMTK") != std::string::npos) GTEST_SKIP() << done.message;
    ASSERT_EQ(done.message, "") << name;
    const Outcome program = nnunet_run(fmt::format(
        "dicom-seg --labels '{0}/labels.nii.gz' --series '{0}/study' --labels_json '{0}/labels.json' --output '{1}' "
        "--dicom_seg {2}",
        folder_.path().string(), theirs.string(), name));
    ASSERT_EQ(program.code, 0) << program.text;
    const std::string bytes = read(ours);
    for (const char* const said : {"liver", "odd thing", "not a medical device", "nnU-Net (nnunet)", "1.2.3.4"})
      EXPECT_NE(bytes.find(said), std::string::npos) << name << ": " << said;
    EXPECT_GT(drawn(ours).size(), 300U) << name;
    EXPECT_EQ(drawn(ours), drawn(theirs)) << name;
  }
}

TEST_F(DicomSeries, ObjectsSayWhatTheCallerWants) {
  Array<std::uint8_t> labels({kShape[0], kShape[1], kShape[2]}, 3);
  labels.values[0] = 1;
  std::vector<std::string> lines;
  ASSERT_EQ(
      answer(api().set_log([](void* user, nnunet_level,
                              const char* line) { static_cast<std::vector<std::string>*>(user)->emplace_back(line); },
                           &lines))
          .code,
      NNUNET_OK);
  nnunet_object_options options;
  NNUNET_INIT(options);
  options.algorithm = "my model";
  options.description = "my labels";
  options.series_number = 4321;
  options.anonymous = 1;
  const fs::path file = folder_ / "seg.dcm";
  const Answer done = write_object(labels, &options, file);
  ASSERT_EQ(answer(api().set_log(nullptr, nullptr)).code, NNUNET_OK);
  if (done.message.find("DCMTK") != std::string::npos) GTEST_SKIP() << done.message;
  ASSERT_EQ(done.message, "");
  const std::string bytes = read(file);
  for (const char* const said : {"my model", "my labels, not a medical device", "4321", "label 3"})
    EXPECT_NE(bytes.find(said), std::string::npos) << said;
  EXPECT_EQ(bytes.find("Jane"), std::string::npos);
  EXPECT_TRUE(std::ranges::any_of(lines, [](const std::string& line) {
    return line.find("counts segments without gaps") != std::string::npos;
  })) << fmt::format("{} lines", lines.size());
}

TEST_F(DicomSeries, AreReadAndGivenObjectsBesideEachOther) {
  Array<std::uint8_t> labels({kShape[0], kShape[1], kShape[2]}, 1);
  if (const Answer first = write_object(labels, nullptr, folder_ / "first.dcm");
      first.message.find("DCMTK") != std::string::npos)
    GTEST_SKIP() << first.message;
  const std::string wanted = drawn(folder_ / "first.dcm");
  const Loaded alone = load();
  const nnunet_image image = image_of(alone);
  const auto bytes = static_cast<std::size_t>(volume(kShape)) * sizeof(float);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const fs::path file = folder_ / fmt::format("{}.dcm", i);
      EXPECT_EQ(write_object(labels, nullptr, file).message, "");
      EXPECT_EQ(drawn(file), wanted);
      const Loaded loaded = load();
      EXPECT_EQ(std::memcmp(image_of(loaded).voxels.data, image.voxels.data, bytes), 0);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DicomSeries, AreRefusedForAReason) {
  const auto refused = [](const Answer& done, nnunet_code code, const std::string& part) {
    EXPECT_EQ(done.code, code) << done.message;
    EXPECT_NE(done.message.find(part), std::string::npos) << done.message;
  };
  const auto image = [&](const char* uid) {
    nnunet_loaded* loaded = nullptr;
    return answer(api().dicom_image(dicom_.get(), &uid, uid == nullptr ? 0 : 1, 0, &loaded));
  };
  Array<std::uint8_t> labels({kShape[0], kShape[1], kShape[2]}, 1);
  nnunet_object_options options;
  NNUNET_INIT(options);
  const fs::path file = folder_ / "seg.dcm";

  refused(image("7.7"), NNUNET_FAILED, "series 7.7: is not in");
  refused(image("all"), NNUNET_FAILED, "series all: is not in");
  refused(write_object(Array<std::uint8_t>({2, 3, 4}), &options, file), NNUNET_INVALID_CALL, "2x3x4");
  options.labels = "{";
  refused(write_object(labels, &options, file), NNUNET_FAILED, "labels");
  options.labels = R"({"2": "other"})";
  refused(write_object(labels, &options, file), NNUNET_FAILED, "1");
  options.labels = nullptr;
  options.type = 9;
  refused(write_object(labels, &options, file), NNUNET_INVALID_CALL, "type: 9");
  options.type = NNUNET_BINARY;
  const std::string before = read(study_ / "00.dcm");
  refused(write_object(labels, &options, study_ / "00.dcm"), NNUNET_FAILED, "would be overwritten");
  EXPECT_EQ(read(study_ / "00.dcm"), before);
  EXPECT_FALSE(fs::exists(file));

  fs::remove(study_ / "02.dcm");  // in the middle
  ASSERT_EQ(find(study_, dicom_).message, "");
  const Json series = json_of(dicom_).at("series");
  const auto broken = std::ranges::find_if(series, [](const Json& one) { return one.at("problem") != ""; });
  ASSERT_NE(broken, series.end()) << series.dump();
  EXPECT_FALSE(broken->contains("spacing"));
  refused(image(broken->at("uid").get<std::string>().c_str()), NNUNET_FAILED, broken->at("problem"));
}

TEST_F(DicomSeries, AreChosenWhereThereAreSeveral) {
  write_study(folder_ / "both/a", "1.2.3.4");
  write_study(folder_ / "both/b", "1.2.3.5");
  ASSERT_EQ(find(folder_ / "both", dicom_).message, "");
  nnunet_loaded* loaded = nullptr;
  const Answer done = answer(api().dicom_image(dicom_.get(), nullptr, 0, 0, &loaded));
  EXPECT_EQ(done.code, NNUNET_FAILED);
  EXPECT_NE(done.message.find("holds 2 series: 1.2.3.4 (CT, 7x20x22), 1.2.3.5 (CT"), std::string::npos) << done.message;
  EXPECT_NE(done.message.find("Name one of them"), std::string::npos) << done.message;
  EXPECT_EQ(answer(api().dicom_find((folder_ / "none").c_str(), nullptr)).code, NNUNET_INVALID_CALL);
  Dicom none{nullptr, api().dicom_release};
  EXPECT_EQ(find(folder_ / "none", none).code, NNUNET_FAILED);
  fs::create_directory(folder_ / "empty");
  ASSERT_EQ(find(folder_ / "empty", none).message, "");
  const Answer empty = answer(api().dicom_image(none.get(), nullptr, 0, 0, &loaded));
  EXPECT_EQ(empty.code, NNUNET_FAILED);
  EXPECT_NE(empty.message.find("holds no DICOM series"), std::string::npos) << empty.message;
  EXPECT_EQ(empty.message.find("nnunet dicom"), std::string::npos) << empty.message;
}

TEST_F(DicomSeries, OfSeveralVolumesAreChosenByThese) {
  const fs::path echoes = folder_ / "echoes";
  write_series(echoes, 6, [](DicomSlice& slice, int i) {
    slice.position[2] = 2.0 * (i / 2);
    slice.more = DicomBytes().element(0x00180086, "IS", std::to_string(1 + i % 2)).bytes();
  });
  ASSERT_EQ(find(echoes, dicom_).message, "");
  EXPECT_STREQ(image_of(load({"1.2.3.4-2"})).name, "1.2.3.4-2");
  nnunet_loaded* loaded = nullptr;
  const char* const uid = "1.2.3.4";
  const Answer done = answer(api().dicom_image(dicom_.get(), &uid, 1, 0, &loaded));
  EXPECT_EQ(done.code, NNUNET_FAILED);
  EXPECT_NE(done.message.find("series 1.2.3.4: holds 2 volumes: 1.2.3.4-1 (CT, 3x4x6, echo 1), 1.2.3.4-2"),
            std::string::npos)
      << done.message;
  EXPECT_NE(done.message.find("Name one of them"), std::string::npos) << done.message;
}

TEST_F(DicomSeries, InAZipAreTheSame) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& file : fs::directory_iterator(study_))
    entries.emplace_back(file.path().filename().string(), read(file.path()));
  write_bytes(folder_ / "study.zip", stored_zip(entries));
  const Loaded loaded = load();
  const nnunet_image image = image_of(loaded);
  ASSERT_EQ(find(folder_ / "study.zip", dicom_).message, "");
  const Loaded other = load();
  const nnunet_image zipped = image_of(other);
  const auto bytes = static_cast<std::size_t>(volume(kShape)) * sizeof(float);
  EXPECT_EQ(std::memcmp(image.voxels.data, zipped.voxels.data, bytes), 0);
}

class DicomModels : public testing::TestWithParam<const char*> {};

TEST_P(DicomModels, SegmentTheSeriesAsTheProgramDoes) {
  NNUNET_NEEDS_DICOM();
  const TempFolder folder;
  write_study(folder / "study");
  const fs::path path = save_tiny_v2_model(folder.path(), {.reader = GetParam()});
  const Outcome program = nnunet_run(fmt::format("predict --gpus 0 --model '{}' --input '{}/study' --output '{}/out'",
                                                 path.string(), folder.path().string(), folder.path().string()));
  ASSERT_EQ(program.code, 0) << program.text;

  const Model model = open({path.string()});
  Dicom dicom{nullptr, api().dicom_release};
  ASSERT_EQ(find(folder / "study", dicom).message, "");
  nnunet_loaded* loaded = nullptr;
  ASSERT_EQ(answer(api().dicom_image(dicom.get(), nullptr, 0, 0, &loaded)).message, "");
  const Loaded kept{loaded, api().loaded_release};
  nnunet_image image;
  NNUNET_INIT(image);
  ASSERT_EQ(answer(api().loaded_image(loaded, &image)).code, NNUNET_OK);
  Results found(kShape, 3);
  ASSERT_EQ(answer(api().segment(model.get(), &image, nullptr, &found.outputs)).message, "");
  const LabelMap wanted = read_label_map(folder / "out/1.2.3.4.nii.gz");
  EXPECT_EQ(found.labels.values, wanted.voxels.values);
  EXPECT_GT(std::ranges::count_if(wanted.voxels.values, [](int label) { return label > 0; }), 10);

  nnunet_text* place = nullptr;
  ASSERT_EQ(answer(api().loaded_json(loaded, &place)).code, NNUNET_OK);
  const fs::path file = folder / "written.nii.gz";
  ASSERT_EQ(
      answer(api().labels_write(model.get(), &found.outputs.labels, text_of(place).c_str(), file.c_str())).message, "");
  EXPECT_EQ(read_label_map(file).voxels.values, wanted.voxels.values);
  EXPECT_LT(affine_difference(read_label_map(file).geometry, wanted.geometry), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(CInterface, DicomModels,
                         testing::Values("SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO",
                                         "NibabelIOWithReorient"));

}  // namespace
}  // namespace nnunet::test
