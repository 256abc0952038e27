// Label maps of trained models against those that nnU-Net v2 itself made (reference-v2/run/predictions).
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "infer/restore_kernels.h"
#include "nnunet/io/image_file.h"
#include "nnunet/kernels/half.h"
#include "nnunet/v2/predict.h"
#include "reference/npz.h"
#include "reference/shared.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using test::Npz;
using test::TempFolder;

const fs::path kRun = test::shared_dir() / "reference-v2/run";
constexpr const char* kHippocampus = "Dataset004_Hippocampus";

/// One folder of predictions: what made it, and how far from it ours may be.
struct Prediction {
  std::string folder, dataset, model;
  std::vector<std::string> folds;
  bool mirrored = true, probabilities = false;
  double step = 0.5;
  double most_voxels = 1e-3;  ///< share of voxels that may differ; of trained networks less
  std::string data = "Task04_Hippocampus";
  std::string previous = {};  ///< the predictions that a cascade takes
};

std::vector<Prediction> predictions() {
  const std::string full = "nnUNetTrainer_5epochs__nnUNetPlansNarrow__3d_fullres",
                    once = "nnUNetTrainer_1epoch__nnUNetPlansNarrow__", whole = "__nnUNetPlansNarrow__3d_fullres";
  std::vector<Prediction> all{
      {"full_f0_notta", kHippocampus, full, {"0"}, false},
      {"full_f0_notta_step025", kHippocampus, full, {"0"}, false, false, 0.25},
      {"full_f0_tta", kHippocampus, full, {"0"}},
      {"full_f01_notta_prob", kHippocampus, full, {"0", "1"}, false, true},
      {"full_f01_tta", kHippocampus, full, {"0", "1"}},
      {"2d_f01_tta", kHippocampus, "nnUNetTrainer_5epochs__nnUNetPlansNarrow__2d", {"0", "1"}},
      {"resenc_f0_notta", kHippocampus, once + "3d_fullres_resenc", {"0"}, false},
      {"lowres_all_tta", kHippocampus, once + "3d_lowres", {"all"}},
      {"cascade_f0_notta", kHippocampus, once + "3d_cascade_fullres", {"0"}, false},
      {"regions_f0_tta_prob", "Dataset996_HippocampusRegionsIgnore", once + "3d_fullres", {"0"}, true, true},
      {"21_all", "Dataset021_BodyCT", "nnUNetTrainerNoMirroring" + whole, {"all"}},
      {"22_all", "Dataset022_HeadCT", "nnUNetTrainerNoMirroring" + whole, {"all"}},
      {"23_all", "Dataset023_TwoMR", "nnUNetTrainer_onlyMirror01" + whole, {"all"}}};
  for (Prediction& p : all) {
    if (p.folder.starts_with("full_")) p.most_voxels = 2e-4;
    if (p.folder == "21_all") p.data = "Task21_BodyCT";
    if (p.folder == "22_all") p.data = "Task22_HeadCT";
    if (p.folder == "23_all") p.data = "Task23_TwoMR";
    if (p.folder.starts_with("cascade")) p.previous = "lowres_all_tta";
  }
  return all;
}

std::vector<std::string> cases_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (is_nifti_name(entry.path())) names.push_back(nifti_stem(entry.path()));
  std::ranges::sort(names);
  return names;
}

/// A file a channel, under nnU-Net's names.
void put_channels(const fs::path& image, const fs::path& folder, const std::string& name, int channels) {
  if (channels == 1) return fs::copy_file(image, folder / (name + "_0000.nii.gz")), void();
  const Image all = read_image_file(image);
  const auto size = static_cast<std::ptrdiff_t>(volume(all.geometry.shape));
  for (int c = 0; c < channels; ++c) {
    Image one;
    one.geometry = all.geometry;
    one.geometry.header.clear();
    one.voxels = Array<float>({1, one.geometry.shape[0], one.geometry.shape[1], one.geometry.shape[2]});
    std::copy_n(all.voxels.values.begin() + c * size, size, one.voxels.values.begin());
    write_image(folder / fmt::format("{}_{:04}.nii.gz", name, c), one);
  }
}

/// Distance of neighbouring float16 at this value.
double step_of_half(double value) {
  return std::ldexp(1.0, std::max(std::ilogb(std::max(std::abs(value), 1e-30)), -14) - 10);
}

/// A case's float16 logits on its own grid, voxel by voxel: what labels are decided from.
class CaseLogits {
 public:
  CaseLogits(Predictor& predictor, const ImageCase& c, const ImageFormat& format) {
    CaseImage image = read_case_image(c, format);
    std::optional<Array<std::uint16_t>> previous;
    if (!c.previous.empty()) previous = read_case_labels(c.previous, image, format);
    const PreprocessedCase preprocessed =
        predictor.preprocess(c.name, std::move(image.image), 0, previous ? &*previous : nullptr);
    grid_ = predictor.original_grid(preprocessed);
    logits_ = predictor.logits(c.name, preprocessed.x);
    for (std::size_t a = 0; a < 3; ++a) {
      const bool across = grid_.resampling.separate_axis == static_cast<int>(a);
      const int order = across ? grid_.resampling.order_across : grid_.resampling.order;
      axes_[a] = RestoreAxis(logits_.size(a + 1), grid_.crop_end[a] - grid_.crop_start[a],
                             order == 0 ? AxisRule::nearest : AxisRule::linear_inside);
    }
  }

  /// Of a class at a voxel (z,y,x) of the image.
  double at(std::int64_t k, const Shape3& voxel) const {
    double sum = 0;
    std::array<std::size_t, 3> i{};
    for (std::size_t a = 0; a < 3; ++a)
      i[a] = static_cast<std::size_t>(voxel[static_cast<std::size_t>(grid_.transpose[a])] - grid_.crop_start[a]);
    for (unsigned corner = 0; corner < 8; ++corner) {
      double weight = 1;
      std::array<std::int64_t, 3> from{};
      for (std::size_t a = 0; a < 3; ++a) {
        const bool high = (corner >> a & 1U) != 0;
        from[a] = high ? axes_[a].high[i[a]] : axes_[a].low[i[a]];
        weight *= high ? axes_[a].high_weight[i[a]] : axes_[a].low_weight[i[a]];
      }
      const std::int64_t place = ((k * logits_.size(1) + from[0]) * logits_.size(2) + from[1]) * logits_.size(3);
      sum += weight * static_cast<double>(logits_.values[static_cast<std::size_t>(place + from[2])]);
    }
    kernels::Half half{};
    kernels::from_float(static_cast<float>(sum), half);
    return static_cast<double>(kernels::to_float(half));
  }

 private:
  OriginalGrid grid_;
  Array<float> logits_;
  std::array<RestoreAxis, 3> axes_;
};

/// Label maps over all folders, and how many are the same in every voxel.
struct Tally {
  int maps = 0, same = 0;
};

class Predictions : public testing::Test {
 protected:
  void run(const Prediction& p) {
    SCOPED_TRACE(p.folder);
    const V2Model read = read_v2_model(kRun / "models" / p.dataset / p.model, p.folds);
    std::vector<Checkpoint> folds;
    for (const V2Fold& fold : read.folds) folds.push_back(fold.checkpoint);
    PredictorOptions options;
    options.overlap = 1 - p.step;
    if (!p.mirrored) options.tta = false;
    Predictor predictor(std::move(folds), options, kCpu, Precision::fp32);

    const TempFolder folder;
    PredictOptions o;
    o.input = folder / "in";
    o.output = folder / "out";
    if (!p.previous.empty()) o.previous_stage = theirs(p.previous);
    o.save_probabilities = p.probabilities;
    o.progress = false;
    fs::create_directory(o.input);
    const std::vector<std::string> names = cases_of(theirs(p.folder));
    for (const std::string& name : names)
      put_channels(test::shared_dir() / "data" / p.data / "imagesTr" / (name + ".nii.gz"), o.input, name,
                   static_cast<int>(read.description.channels.size()));
    const ImageFormat format{".nii.gz", ImageReader::simple_itk, true};
    const PredictCounts counts = predict(predictor, &read, format, o);
    EXPECT_EQ(counts.predicted, static_cast<std::int64_t>(names.size()));
    EXPECT_EQ(counts.failed, 0);
    for (const std::string& name : names) compare(p, o, name, predictor, format);
  }

  static fs::path theirs(const std::string& folder) { return kRun / "predictions" / folder; }

  void compare(const Prediction& p, const PredictOptions& o, const std::string& name, Predictor& predictor,
               const ImageFormat& format) {
    SCOPED_TRACE(name);
    const WideLabelMap mine = read_label_file(o.output / (name + ".nii.gz")),
                       reference = read_label_file(theirs(p.folder) / (name + ".nii.gz"));
    ASSERT_EQ(mine.voxels.shape, reference.voxels.shape);
    EXPECT_LT(affine_difference(mine.geometry, reference.geometry), 1e-4);
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < mine.voxels.values.size(); ++i)
      if (mine.voxels.values[i] != reference.voxels.values[i]) others.push_back(i);
    EXPECT_LE(static_cast<double>(others.size()), p.most_voxels * static_cast<double>(mine.voxels.values.size()));
    ++tally_.maps;
    tally_.same += others.empty() ? 1 : 0;
    if (!others.empty()) expect_ties(p, o, name, predictor, format, mine, reference, others);
    if (p.probabilities) compare_probabilities(p, o, name);
  }

  /// A voxel may only differ where its two labels are as good as equal: each of the two logits is the sum of many
  /// windows' products, which two programs round apart by a float16 step at most.
  static void expect_ties(const Prediction& p, const PredictOptions& o, const std::string& name, Predictor& predictor,
                          const ImageFormat& format, const WideLabelMap& mine, const WideLabelMap& reference,
                          const std::vector<std::size_t>& others) {
    ASSERT_EQ(predictor.model().labels.decision, LabelDecision::argmax) << others.size() << " voxels of regions differ";
    std::vector<ImageCase> cases = list_image_cases(o.input, predictor.model().channels(), format);
    const auto found = std::ranges::find(cases, name, &ImageCase::name);
    ASSERT_NE(found, cases.end());
    if (!o.previous_stage.empty()) found->previous = label_output(*found, o.previous_stage, format);
    const CaseLogits logits(predictor, *found, format);
    const std::int64_t height = mine.voxels.size(1), width = mine.voxels.size(2);
    for (const std::size_t i : others) {
      const auto at = static_cast<std::int64_t>(i);
      const Shape3 voxel{at / (height * width), at / width % height, at % width};
      const std::uint16_t a = mine.voxels.values[i], b = reference.voxels.values[i];
      const double ours = logits.at(a, voxel), other = logits.at(b, voxel);
      const double steps = (ours - other) / step_of_half(std::max(std::abs(ours), std::abs(other)));
      std::cerr << fmt::format("{}/{} voxel {} {} {}: label {} ({}) instead of {} ({}), {} float16 steps\n", p.folder,
                               name, voxel[0], voxel[1], voxel[2], a, ours, b, other, steps);
      EXPECT_GE(steps, 0) << "the logits are not those that decided";
      EXPECT_LE(steps, 2) << "label " << a << " instead of " << b << " is no tie";
    }
  }

  static void compare_probabilities(const Prediction& p, const PredictOptions& o, const std::string& name) {
    const Array<float> mine = Npz(o.output / (name + ".npz")).load<float>("probabilities");
    const Npz samples(theirs(p.folder) / (name + ".prob.npz"));
    EXPECT_EQ(mine.shape, samples.load<std::int64_t>("shape").values);
    const auto stride = samples.scalar<std::size_t>("stride");
    const Array<float> reference = samples.load<float>("samples");
    double most = 0;
    for (std::size_t i = 0; i < reference.values.size(); ++i)
      most = std::max(most, static_cast<double>(std::abs(mine.values.at(i * stride) - reference.values[i])));
    EXPECT_LE(most, 5e-3);
    EXPECT_TRUE(fs::exists(o.output / (name + ".pkl")));
  }

  Tally tally_;
};

TEST_F(Predictions, AreNnUNets) {
  NNUNET_NEEDS_SHARED("reference-v2/run/predictions");
  for (const Prediction& p : predictions()) run(p);
  std::cerr << fmt::format("{} of {} label maps are the same in every voxel\n", tally_.same, tally_.maps);
  EXPECT_EQ(tally_.maps, 38);
  EXPECT_GE(tally_.same, 0.9 * tally_.maps);
}

}  // namespace
}  // namespace nnunet::v2
