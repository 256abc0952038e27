#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "background.h"
#include "dicom/dicom_bytes.h"
#include "dicom/needs_dicom.h"
#include "infer/tiny.h"
#include "nnunet/dicom/send.h"
#include "reference/shared.h"

// What `nnunet` does without libtorch in its process, in every build.
namespace nnunet {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string output;
};

Outcome run_command(const std::string& command) {
  Outcome result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) result.output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

const std::string kProgram = NNUNET_BINARY_DIR "/bin/nnunet";

class WithoutTorch : public testing::Test {
 protected:
  void SetUp() override {
    test::save_tiny(checkpoint_, test::tiny_config(3));
    fs::create_directory(images_);
    for (const char* name : {"a", "b"})
      write_image(images_ / (std::string(name) + ".nii.gz"), test::tiny_image({12, 20, 22}));
  }
  Outcome nnunet(const std::string& arguments) const { return run_command("'" + kProgram + "' " + arguments); }

  test::TempFolder folder_;
  fs::path checkpoint_ = folder_ / "tiny.ckpt", images_ = folder_ / "images";
};

TEST_F(WithoutTorch, NoLibtorchIsLoaded) {
  const Outcome libraries = run_command("ldd '" + kProgram + "'");
  ASSERT_EQ(libraries.code, 0);
  EXPECT_NE(libraries.output.find("libnnunet_infer"), std::string::npos);
  for (const char* name : {"torch", "libc10", "openvino", "onnxruntime", "icudata"})
    EXPECT_EQ(libraries.output.find(name), std::string::npos) << name;
}

TEST_F(WithoutTorch, PredictsScoresDescribesAndExports) {
  const std::string labels = (folder_ / "labels").string(), network = checkpoint_.string();
  const Outcome predicted = nnunet("predict --ckpt_path " + network + " --input " + images_.string() + " --output " +
                                   labels + " --save_probabilities");
  EXPECT_EQ(predicted.code, 0) << predicted.output;
  EXPECT_NE(predicted.output.find("2 images segmented"), std::string::npos) << predicted.output;
  EXPECT_TRUE(fs::exists(labels + "/a.nii.gz"));
  EXPECT_TRUE(fs::exists(labels + "/probabilities/b.npy"));

  const Outcome scored = nnunet("score --preds " + labels + " --lbls " + labels);
  EXPECT_EQ(scored.code, 0) << scored.output;
  EXPECT_NE(scored.output.find("mean dice: 1.0000"), std::string::npos) << scored.output;

  const Outcome described = nnunet("info --json " + network);
  ASSERT_EQ(described.code, 0) << described.output;
  const auto json = nlohmann::json::parse(described.output);
  EXPECT_EQ(json.at("kind"), "checkpoint");
  EXPECT_EQ(json.at("network").at("tensors"), test::tiny_checkpoint(test::tiny_config(3)).state_dict.size());

  const Outcome exported =
      nnunet("export --ckpt_path " + network + " --format onnx --output " + (folder_ / "onnx").string());
  EXPECT_EQ(exported.code, 0) << exported.output;
  EXPECT_GT(fs::file_size(folder_ / "onnx/model.onnx"), 1000U);
}

/// A series that the tiny network takes.
void write_tiny_series(const fs::path& folder) {
  const Image image = test::tiny_image({12, 20, 22});
  test::write_series(folder, 7, [&](test::DicomSlice& slice, int z) {
    slice.rows = 20;
    slice.columns = 22;
    slice.slope = "0.01";
    slice.values.clear();
    for (std::size_t i = 0; i < 20 * 22; ++i)
      slice.values.push_back(
          static_cast<std::int16_t>(100 * image.voxels.values[static_cast<std::size_t>(z) * 20 * 22 + i]));
  });
}

/// Where a node says that it listens; 0: it does not.
std::uint16_t port_of_node(const test::Background& node) {
  const std::string text = node.log();
  std::smatch found;
  if (!std::regex_search(text, found, std::regex("listens at 127\\.0\\.0\\.1:([0-9]+)"))) return 0;
  return static_cast<std::uint16_t>(std::stoi(found[1]));
}

TEST_F(WithoutTorch, ANodeSegmentsWhatItIsSent) {
  NNUNET_NEEDS_DICOM();
  if (!fs::exists(NNUNET_BINARY_DIR "/lib/libnnunet_dicom_objects.so")) GTEST_SKIP() << "no DCMTK in this build";
  write_tiny_series(folder_ / "study");
  const std::string objects = (folder_ / "objects").string(), node_of = "dicom-node --port 0 --ckpt_path " +
                                                                        checkpoint_.string() + " --spool " +
                                                                        (folder_ / "spool").string();
  const Outcome nowhere = nnunet(node_of);
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_NE(nowhere.output.find("Say where objects go"), std::string::npos) << nowhere.output;
  const Outcome open = nnunet(node_of + " --host 0.0.0.0 --output " + objects);
  EXPECT_EQ(open.code, 1);
  EXPECT_NE(open.output.find("--allow"), std::string::npos) << open.output;

  test::Background node("'" + kProgram + "' " + node_of + " --series_timeout 0.2 --output " + objects);
  ASSERT_TRUE(node.runs_until([&] { return port_of_node(node) != 0; })) << node.log();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_ / "study")) files.push_back(entry.path());
  dicom::send_objects(files, {{}, "NNUNET", "127.0.0.1", port_of_node(node)});
  EXPECT_TRUE(node.runs_until([&] { return fs::exists(objects + "/1.2.3.4.dcm"); })) << node.log();
  node.send(SIGTERM);
  const auto ended = node.wait();
  EXPECT_EQ(ended.code, 0) << node.log();
  const Outcome listed = nnunet("dicom " + objects);
  EXPECT_NE(listed.output.find("is no image, but SEG"), std::string::npos) << listed.output;
}

// A series and the NIfTI image that is made of it have the same label map.
TEST_F(WithoutTorch, SegmentsDicomSeries) {
  NNUNET_NEEDS_DICOM();
  write_tiny_series(folder_ / "study");
  const std::string study = (folder_ / "study").string(), images = (folder_ / "images").string();
  const std::string predict = "predict --ckpt_path " + checkpoint_.string() + " --input ";
  const Outcome listed = nnunet("dicom " + study), written = nnunet("dicom " + study + " --output " + images);
  EXPECT_EQ(listed.code, 0) << listed.output;
  EXPECT_NE(listed.output.find("7x20x22"), std::string::npos) << listed.output;
  EXPECT_EQ(written.code, 0) << written.output;
  const std::string from_nifti = (folder_ / "a.nii.gz").string(), maps = (folder_ / "maps").string();
  EXPECT_EQ(nnunet(predict + images + "/1.2.3.4.nii.gz --output " + from_nifti).code, 0);
  const Outcome predicted = nnunet(predict + study + " --output " + maps);
  ASSERT_EQ(predicted.code, 0) << predicted.output;
  const LabelMap a = read_label_map(from_nifti), b = read_label_map(maps + "/1.2.3.4.nii.gz");
  EXPECT_EQ(a.voxels.values, b.voxels.values);
  EXPECT_LT(affine_difference(a.geometry, b.geometry), 1e-6);
  const Outcome twice = nnunet("dicom " + study + " --output " + images);
  EXPECT_EQ(twice.code, 1);
  EXPECT_NE(twice.output.find("1.2.3.4.nii.gz: is there already"), std::string::npos) << twice.output;
  EXPECT_EQ(nnunet("dicom " + study + " --overwrite --output " + images).code, 0);
  for (const Outcome& outcome : {listed, written, predicted})
    EXPECT_EQ(outcome.output.find("Jane"), std::string::npos) << outcome.output;

  if (fs::exists(NNUNET_BINARY_DIR "/lib/libnnunet_dicom_objects.so")) {
    const std::string objects = " --dicom_seg binary --output " + (folder_ / "objects").string();
    const Outcome first = nnunet(predict + study + objects), second = nnunet(predict + study + objects);
    EXPECT_EQ(first.code, 0) << first.output;
    EXPECT_EQ(read_text(folder_ / "objects/1.2.3.4.dcm").substr(128, 4), "DICM");
    EXPECT_NE(second.output.find("1 kept"), std::string::npos) << second.output;
    const Outcome unsent = nnunet(predict + study + objects + " --send_to PACS@127.0.0.1:1");
    EXPECT_EQ(unsent.code, 1);  // kept, and not at the archive
    EXPECT_NE(unsent.output.find("1 of 1 objects were not sent"), std::string::npos) << unsent.output;
    const std::string slice = read_text(folder_ / "study/00.dcm"),
                      write =
                          "dicom-seg --labels " + maps + "/1.2.3.4.nii.gz --series " + study + " --overwrite --output ";
    const Outcome over = nnunet(write + study + "/00.dcm");
    EXPECT_EQ(over.code, 1);
    EXPECT_NE(over.output.find("is a file of the series"), std::string::npos) << over.output;
    EXPECT_EQ(read_text(folder_ / "study/00.dcm"), slice);
    const Outcome itself = nnunet(write + maps + "/1.2.3.4.nii.gz");
    EXPECT_EQ(itself.code, 1);
    EXPECT_NE(itself.output.find("is an input and would be overwritten"), std::string::npos) << itself.output;
    const std::string seg = (folder_ / "seg.dcm").string(), table = (folder_ / "labels.json").string();
    write_text(table, "{\"9\": \"liver\"}");
    const Outcome unnamed = nnunet(write + seg + " --labels_json " + table);
    EXPECT_EQ(unnamed.code, 1);
    EXPECT_NE(unnamed.output.find(maps + "/1.2.3.4.nii.gz: has the value "), std::string::npos) << unnamed.output;
    const Outcome nobody = nnunet(write + seg + " --send_to PACS@127.0.0.1:1 --aet MORE_THAN_16_LETTERS");
    EXPECT_EQ(nobody.code, 1);
    EXPECT_NE(nobody.output.find("at most 16 letters"), std::string::npos) << nobody.output;
    EXPECT_FALSE(fs::exists(seg));
    const Outcome fine = nnunet(write + seg);
    EXPECT_EQ(fine.code, 0) << fine.output;
    const Outcome none = nnunet(predict + images + objects);
    EXPECT_EQ(none.code, 1);
    EXPECT_NE(none.output.find("is no DICOM series"), std::string::npos) << none.output;
  } else {
    std::cerr << "SKIPPED: no DCMTK: no DICOM objects\n";
  }

  const Outcome again = nnunet(predict + study + " --output " + maps);
  EXPECT_NE(again.output.find("1 kept"), std::string::npos) << again.output;
  const Outcome inside = nnunet(predict + study + " --output " + study + "/maps");
  EXPECT_EQ(inside.code, 1);
  EXPECT_NE(inside.output.find("inside the input folder"), std::string::npos) << inside.output;
}

TEST_F(WithoutTorch, SaysThatDicomBesideImagesIsLeftOut) {
  NNUNET_NEEDS_DICOM();
  write_tiny_series(images_);
  const std::string output = (folder_ / "maps").string();
  const Outcome mixed =
      nnunet("predict --ckpt_path " + checkpoint_.string() + " --input " + images_.string() + " --output " + output);
  EXPECT_EQ(mixed.code, 0) << mixed.output;
  EXPECT_NE(mixed.output.find("DICOM files beside the images (*.nii or *.nii.gz) are left out: 00.dcm"),
            std::string::npos)
      << mixed.output;
}

// The zip's content is images of a patient.
TEST_F(WithoutTorch, ASignalLeavesNothingOfAZip) {
  NNUNET_NEEDS_DICOM();
  write_tiny_series(folder_ / "study");
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& entry : fs::directory_iterator(folder_ / "study"))
    entries.emplace_back(entry.path().filename(), read_text(entry.path()));
  test::write_bytes(folder_ / "study.zip", test::stored_zip(entries));
  const fs::path scratch = folder_ / "scratch";
  fs::create_directory(scratch);
  const std::string zip = (folder_ / "study.zip").string(), output = " --output " + (folder_ / "maps").string();
  for (const std::string& command :
       {"predict --tta --ckpt_path " + checkpoint_.string() + output + " --input " + zip, "dicom " + zip + output}) {
    test::Background program("env TMPDIR='" + scratch.string() + "' '" + kProgram + "' " + command);
    ASSERT_TRUE(program.runs_until([&] { return !fs::is_empty(scratch); })) << program.log();
    program.send(SIGINT);
    const int code = program.wait().code;
    EXPECT_TRUE(code == 75 || code == 128 + SIGINT || code == 0) << code;  // 0: it was faster
    EXPECT_TRUE(fs::is_empty(scratch)) << command;
  }
}

TEST_F(WithoutTorch, NamesWhatIsNoCommand) {
  const Outcome refused = nnunet("segment --input x");
  EXPECT_GT(refused.code, 1);
  EXPECT_NE(refused.output.find("segment is no command"), std::string::npos) << refused.output;
}

// As 3D Slicer starts it: lines on stdout say how far it is.
TEST_F(WithoutTorch, SaysHowFarItIsWhenAViewerStartsIt) {
  const std::string module = "'" NNUNET_BINARY_DIR "/bin/slicer/nnUNetPredict' --overwrite --filter_progress";
  const std::string files =
      " --input " + (images_ / "a.nii.gz").string() + " --output " + (folder_ / "label.nii.gz").string();
  const Outcome run = run_command("(" + module + files + " --ckpt_path " + checkpoint_.string() + " 2> /dev/null)");
  ASSERT_EQ(run.code, 0) << run.output;
  EXPECT_TRUE(fs::exists(folder_ / "label.nii.gz"));
  const std::vector<std::string> order{"<filter-start>\n<filter-name>", "<filter-progress>0.0000</filter-progress>",
                                       "<filter-progress>1.0000</filter-progress>", "<filter-end>\n<filter-name>"};
  std::size_t at = 0;
  for (const std::string& line : order) {
    at = run.output.find(line, at);
    ASSERT_NE(at, std::string::npos) << line << " in " << run.output;
  }
}

#ifndef NNUNET_TORCH
TEST_F(WithoutTorch, SaysWhatItWasBuiltWithout) {
  const std::string network = " --ckpt_path " + checkpoint_.string();
  const std::vector<std::string> asked{"train --data x", "export --format triton --output x" + network,
                                       "predict --engine libtorch --output x --input " + images_.string() + network};
  for (const std::string& arguments : asked) {
    const Outcome refused = nnunet(arguments);
    EXPECT_EQ(refused.code, 1) << arguments;
    EXPECT_NE(refused.output.find("built without"), std::string::npos) << refused.output;
  }
}
#endif

}  // namespace
}  // namespace nnunet
