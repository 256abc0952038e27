#pragma once
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <ostream>

#include "calls.h"
#include "checkpoint/zip_writer.h"
#include "infer/tiny.h"
#include "program.h"
#include "reference/shared.h"
#include "v2/tiny_v2_model.h"

/// Tiny models in files, images, and what the program makes of them.
namespace nnunet::test {

/// A checkpoint of this program, or a model of nnU-Net v2 of two folds.
struct Kind {
  std::string name;
  bool v2 = false;
  TinyV2Model model = {};
};
inline std::ostream& operator<<(std::ostream& to, const Kind& kind) {
  return to << kind.name;
}

inline std::string kind_name(const testing::TestParamInfo<Kind>& parameter) {
  return parameter.param.name;
}

class WithModel : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { path_ = make(GetParam()); }

  std::filesystem::path make(const Kind& kind) {
    if (kind.v2) return save_tiny_v2_model(folder_.path(), kind.model, {"0", "1"});
    return save_tiny(folder_ / "tiny.ckpt", tiny_config(3));
  }

  /// The label map that the program makes of a file; probabilities: beside it, as NAME.npy.
  Array<std::uint8_t> program_labels(const Image& image, const std::string& more = "") const {
    const std::string name = GetParam().v2 ? "case_0000.nii.gz" : "case.nii.gz";
    const auto in = folder_ / "in", out = folder_ / "out";
    std::filesystem::remove_all(out);
    std::filesystem::create_directory(in);
    write_image(in / name, image);
    const Outcome done = nnunet_run(fmt::format("predict --gpus 0 {} '{}' --input '{}' --output '{}' {}",
                                                GetParam().v2 ? "--model" : "--ckpt_path", path_.string(), in.string(),
                                                out.string(), more));
    EXPECT_EQ(done.code, 0) << done.text;
    if (done.code != 0) return {};
    return read_label_map(out / "case.nii.gz").voxels;
  }
  Array<float> program_probabilities() const { return read_npy<float>(folder_ / "out/probabilities/case.npy"); }

  /// As the file has it: float32 spacings, the directions in its affine.
  Image as_in_file(const Image& image) const {
    write_image(folder_ / "as.nii.gz", image);
    return read_nifti(folder_ / "as.nii.gz");
  }

  Model opened() const { return open({path_.string()}); }

  TempFolder folder_;
  std::filesystem::path path_;
};

inline const Kind kOurs{"checkpoint"}, kV2{"v2", true};

}  // namespace nnunet::test
