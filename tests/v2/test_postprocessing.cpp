#include "nnunet/v2/postprocessing.h"

#include <gtest/gtest.h>

#include <map>

#include "nnunet/core/error.h"
#include "nnunet/v2/evaluation.h"
#include "reference/shared.h"
#include "v2/volumes.h"

namespace nnunet::v2 {
namespace {

using test::TempFolder;

/// Flood fill from voxel to voxel.
Array<std::uint16_t> plain_keep_largest(Array<std::uint16_t> map, const std::vector<int>& labels) {
  const Shape3 shape = map.spatial();
  const auto inside = [&](std::size_t i) { return std::ranges::count(labels, map.values[i]) > 0; };
  std::vector<int> component(map.values.size(), 0);
  std::map<int, int> size;
  for (std::size_t start = 0; start < component.size(); ++start) {
    if (component[start] != 0 || !inside(start)) continue;
    const int name = static_cast<int>(size.size()) + 1;
    std::vector<std::size_t> todo{start};
    component[start] = name;
    while (!todo.empty()) {
      const auto at = static_cast<std::int64_t>(todo.back());
      todo.pop_back();
      ++size[name];
      const std::int64_t d = at / (shape[1] * shape[2]), h = at / shape[2] % shape[1], w = at % shape[2];
      for (std::int64_t z = std::max<std::int64_t>(d - 1, 0); z <= std::min(d + 1, shape[0] - 1); ++z)
        for (std::int64_t y = std::max<std::int64_t>(h - 1, 0); y <= std::min(h + 1, shape[1] - 1); ++y)
          for (std::int64_t x = std::max<std::int64_t>(w - 1, 0); x <= std::min(w + 1, shape[2] - 1); ++x) {
            const auto near = static_cast<std::size_t>((z * shape[1] + y) * shape[2] + x);
            if (component[near] != 0 || !inside(near)) continue;
            component[near] = name;
            todo.push_back(near);
          }
    }
  }
  int most = 0;
  for (const auto& [name, voxels] : size) most = std::max(most, voxels);
  for (std::size_t i = 0; i < component.size(); ++i)
    if (component[i] != 0 && size[component[i]] != most) map.values[i] = 0;
  return map;
}

TEST(KeepLargest, IsAsAFloodFill) {
  std::uint32_t seed = 1;
  for (const Shape3& shape : {Shape3{7, 11, 13}, Shape3{1, 20, 17}, Shape3{9, 1, 1}, Shape3{1, 1, 30}})
    for (const double density : {0.03, 0.1, 0.3, 0.9})
      for (const std::vector<int>& labels : {std::vector<int>{1}, {1, 2}, {2, 3}, {7}}) {
        const auto map = test::speckles(shape, 3, density, ++seed);
        auto mine = map;
        keep_largest(mine, {{{labels, true}}, false, 0});
        EXPECT_EQ(mine.values, plain_keep_largest(map, labels).values) << shape_text(shape) << ' ' << density;
      }
}

TEST(KeepLargest, EquallyLargeComponentsAllStay) {
  Array<std::uint16_t> map({1, 1, 12});
  map.values = {1, 1, 0, 1, 0, 1, 1, 0, 2, 2, 2, 0};
  keep_largest(map, {{{{1}, false}}, false, 0});
  EXPECT_EQ(map.values, (std::vector<std::uint16_t>{1, 1, 0, 0, 0, 1, 1, 0, 2, 2, 2, 0}));
}

TEST(PostprocessingFile, ComesBackAsItWas) {
  const TempFolder folder;
  const std::vector<KeepLargest> steps{{{{{1}, false}, {{2}, false}, {{300}, false}}, true, 0},
                                       {{{{2, 3}, true}}, false, 0},
                                       {{{{4}, false}}, false, 0}};
  write_postprocessing(folder / "postprocessing.pkl", steps);
  EXPECT_EQ(read_postprocessing(folder / "postprocessing.pkl"), steps);
  write_postprocessing(folder / "none.pkl", {});
  EXPECT_TRUE(read_postprocessing(folder / "none.pkl").empty());
}

/// ([FUNCTION], [{labels_or_regions: 1}]) in protocol 0's words.
std::string pickle_of(const std::string& module, const std::string& function, const std::string& argument) {
  return "\x80\x02](c" + module + "\n" + function + "\ne](}(X" + std::string{static_cast<char>(argument.size())} +
         std::string(3, '\0') + argument + "K\x01ue\x86.";
}

TEST(PostprocessingFile, OtherFunctionsAreRefusedByName) {
  const TempFolder folder;
  const std::string module = "nnunetv2.postprocessing.remove_connected_components",
                    function = "remove_all_but_largest_component_from_segmentation";
  const auto expect_refused = [&](const std::string& bytes, const std::string& why) {
    test::write(folder / "p.pkl", bytes);
    try {
      read_postprocessing(folder / "p.pkl");
      ADD_FAILURE() << why;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
    }
  };
  test::write(folder / "good.pkl", pickle_of(module, function, "labels_or_regions"));
  EXPECT_EQ(read_postprocessing(folder / "good.pkl").size(), 1U);
  expect_refused(pickle_of("os", "system", "labels_or_regions"), "os.system");
  expect_refused(pickle_of(module, "something_else", "labels_or_regions"), "something_else");
  expect_refused(pickle_of(module, function, "threshold"), "threshold");
  expect_refused("\x80\x02}.", "pair of lists");
  expect_refused("\x80\x02](", "");
  expect_refused("", "");
}

TEST(DeterminePostprocessing, NothingHelpsWhereAllIsOnePiece) {
  const TempFolder folder;
  auto map = Array<std::uint16_t>({4, 5, 6});
  map.values[30] = map.values[31] = 1;
  for (const char* const part : {"pred", "ref"})
    write_label_file(folder / (std::string(part) + "/a.nii.gz"), test::labelled(map));
  DatasetLabels labels;
  labels.file_ending = ".nii.gz";
  labels.foreground = {{{1}, false}};
  labels.foreground_labels = {1};
  const auto choice =
      determine_postprocessing({(folder / "pred").string(), (folder / "ref").string(), labels, 1, true});
  EXPECT_TRUE(choice.steps.empty());
  EXPECT_EQ(choice.dice, 1.0);
  EXPECT_TRUE(read_postprocessing(folder / "pred/postprocessing.pkl").empty());
  EXPECT_EQ(read_label_file(folder / "pred/postprocessed/a.nii.gz").voxels.values, map.values);
}

TEST(DeterminePostprocessing, ASummaryOfOtherLabelMapsIsNotReliedOn) {
  const TempFolder folder;
  auto truth = Array<std::uint16_t>({4, 5, 6}), predicted = truth;
  truth.values[30] = truth.values[31] = 1;
  predicted = truth;
  predicted.values[119] = 1;  // far from the others
  write_label_file(folder / "ref/a.nii.gz", test::labelled(truth));
  DatasetLabels labels;
  labels.file_ending = ".nii.gz";
  labels.foreground = {{{1}, false}};
  labels.foreground_labels = {1};
  for (const char* const label : {"1", "7"}) {
    write_label_file(folder / "pred/a.nii.gz", test::labelled(predicted));
    const Json perfect{{"Dice", 1.0}};
    write_python_json(folder / "pred/summary.json", {{"foreground_mean", perfect}, {"mean", {{label, perfect}}}},
                      Keys::sorted);
    const auto choice =
        determine_postprocessing({(folder / "pred").string(), (folder / "ref").string(), labels, 1, false});
    EXPECT_EQ(choice.steps.size(), 1U) << "the stray voxel goes, whatever summary.json says of label " << label;
    EXPECT_EQ(choice.dice, 1.0);
    EXPECT_NEAR(read_python_json(folder / "pred/postprocessing.json")["input_folder"]["foreground_mean"]["Dice"], 0.8,
                1e-12);
  }
}

TEST(ApplyPostprocessing, BadCasesAreCountedAndTheOthersDone) {
  const TempFolder folder;
  write_label_file(folder / "in/a.nii.gz", test::labelled(test::speckles({4, 5, 6}, 2, 0.2, 3)));
  test::write(folder / "in/b.nii.gz", "no image");
  EXPECT_EQ(apply_postprocessing({folder / "in", folder / "out", ".nii.gz", {}, 2}), 1);
  EXPECT_TRUE(std::filesystem::exists(folder / "out/a.nii.gz"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out/b.nii.gz"));
}

TEST(Evaluation, CountsByHand) {
  Array<std::uint16_t> reference({1, 1, 6}), prediction({1, 1, 6});
  reference.values = {0, 1, 1, 2, 3, 0};
  prediction.values = {1, 1, 0, 1, 1, 0};
  const auto counts = compare_label_maps(reference, prediction, {{{1}, false}, {{1, 2}, true}, {{9}, false}}, 3);
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[0].tp, 1);
  EXPECT_EQ(counts[0].fp, 2);
  EXPECT_EQ(counts[0].fn, 1);
  EXPECT_EQ(counts[0].tn, 1);
  EXPECT_EQ(counts[1].tp, 2);
  EXPECT_EQ(counts[1].dice(), 4.0 / 6);
  EXPECT_TRUE(std::isnan(counts[2].dice()));
  EXPECT_THROW(compare_label_maps(reference, Array<std::uint16_t>({1, 6, 1}), {}, {}), Error);
}

TEST(Evaluation, MissingReferencesAndBadCasesAreNamed) {
  const TempFolder folder;
  const auto volume = test::labelled(test::speckles({4, 5, 6}, 2, 0.2, 3));
  for (const char* const name : {"pred/a.nii.gz", "pred/only_predicted.nii.gz", "ref/a.nii.gz", "ref/more.nii.gz"})
    write_label_file(folder / name, volume);
  EvaluationOptions options{
      (folder / "ref").string(), (folder / "pred").string(), ".nii.gz", {{{1}, false}}, {}, 2, false};
  EXPECT_THROW(evaluate_folder(options), Error);
  options.chill = true;
  const auto evaluation = evaluate_folder(options);
  EXPECT_EQ(evaluation.failed, 1);
  EXPECT_EQ(evaluation.summary.cases.size(), 1U);
  EXPECT_EQ(evaluation.summary.dice(), 1.0);
}

}  // namespace
}  // namespace nnunet::v2
