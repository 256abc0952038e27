// nnU-Net v2's commands: how their command lines are read, and the program from outside.
#include <gtest/gtest.h>

#include "cli/program.h"
#include "v2/blocks/all_v2_commands.h"
#include "v2/blocks/argparse.h"
#include "v2/blocks/evaluation.h"
#include "v2/blocks/predict.h"

namespace nnunet::app {
namespace {

using test::Outcome;
using test::shell;

const std::string bin = NNUNET_BINARY_DIR "/bin/";

V2PredictFlags predict(const std::vector<std::string>& words) {
  V2PredictFlags flags;
  EXPECT_TRUE(parse_arguments(v2_predict_command(flags), words));
  return flags;
}

std::string problem(const std::vector<std::string>& words) {
  V2PredictFlags flags;
  try {
    parse_arguments(v2_predict_command(flags), words);
  } catch (const WrongArguments& e) {
    return e.what();
  }
  return "";
}

TEST(V2Arguments, DefaultsAreNnUNets) {
  const V2PredictFlags flags = predict({"-i", "in", "-o", "out", "-d", "4", "-c", "3d_fullres"});
  EXPECT_EQ(flags.plans, "nnUNetPlans");
  EXPECT_EQ(flags.trainer, "nnUNetTrainer");
  EXPECT_EQ(flags.folds, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(flags.step_size, 0.5);
  EXPECT_EQ(flags.checkpoint, "checkpoint_final.pth");
  EXPECT_EQ(flags.device, "cuda");
  EXPECT_FALSE(flags.disable_tta || flags.save_probabilities || flags.continue_prediction);
}

TEST(V2Arguments, AreReadAsArgparseDoes) {
  const V2PredictFlags flags =
      predict({"-d4",  "-c=2d", "-f",   "0",        "all",  "-step_size",          "0.25",       "--disable_tta", "-i",
               "in",   "-o",    "out",  "--save_p", "-chk", "checkpoint_best.pth", "-part_id=1", "-num_p",        "3",
               "-npp", "1",     "-npp", "2"});
  EXPECT_EQ(flags.dataset, "4");
  EXPECT_EQ(flags.configuration, "2d");
  EXPECT_EQ(flags.folds, (std::vector<std::string>{"0", "all"}));
  EXPECT_EQ(flags.step_size, 0.25);
  EXPECT_TRUE(flags.disable_tta && flags.save_probabilities);
  EXPECT_EQ(flags.checkpoint, "checkpoint_best.pth");
  EXPECT_EQ(flags.part_id, 1);
  EXPECT_EQ(flags.num_parts, 3);
  EXPECT_EQ(flags.npp, 2);

  V2PredictFlags folder;
  EXPECT_TRUE(
      parse_arguments(v2_predict_from_modelfolder_command(folder), {"--c", "-i", "in", "-o", "out", "-m", "model"}));
  EXPECT_TRUE(folder.continue_prediction);

  V2EvaluateSimpleFlags simple;
  EXPECT_TRUE(parse_arguments(v2_evaluate_simple_command(simple), {"gt", "pred", "-l", "1", "3", "-il", "-1"}));
  EXPECT_EQ(simple.references, "gt");
  EXPECT_EQ(simple.predictions, "pred");
  EXPECT_EQ(simple.labels, (std::vector<int>{1, 3}));
  EXPECT_EQ(simple.ignore, -1);
  EXPECT_FALSE(parse_arguments(v2_evaluate_simple_command(simple), {"--help"}));
}

TEST(V2Arguments, WhatDoesNotFitIsNamed) {
  const std::vector<std::string> good{"-i", "in", "-o", "out", "-d", "4", "-c", "2d"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), good.begin(), good.end());
    return problem(more);
  };
  EXPECT_EQ(with({}), "");
  EXPECT_NE(problem({"-i", "in"}).find("-o"), std::string::npos);
  EXPECT_NE(with({"-step_size", "half"}).find("half"), std::string::npos);
  EXPECT_NE(with({"-step_size", "1.5"}).find("1.5"), std::string::npos);
  EXPECT_NE(with({"-step_size", "0"}).find("0 is out of range: above 0, at most 1"), std::string::npos);
  EXPECT_EQ(with({"-step_size", "1"}), "");
  EXPECT_NE(with({"-npp", "-1"}).find("at least 0"), std::string::npos);
  EXPECT_NE(with({"-step_size"}).find("-step_size"), std::string::npos);
  EXPECT_NE(with({"--nonsense"}).find("--nonsense"), std::string::npos);
  EXPECT_NE(with({"extra"}).find("extra"), std::string::npos);
  EXPECT_NE(with({"-np", "3"}).find("-nps"), std::string::npos);  // ambiguous
  EXPECT_NE(with({"-device", "tpu"}).find("tpu"), std::string::npos);
  EXPECT_NE(with({"--verbose=1"}).find("--verbose"), std::string::npos);
  EXPECT_NE(with({"-num_parts", "2x"}).find("2x"), std::string::npos);
}

TEST(V2Arguments, WhatHasNoNameIsOneValueThatMustBeGiven) {
  for (const Command& command : all_v2_commands())
    for (const Option* const option : command.options()) {
      const bool named = option->name.starts_with('-');
      EXPECT_TRUE(named || (option->required && !option->is_list())) << command.name << ' ' << option->name;
    }
}

TEST(V2Program, EveryCommandHasALinkThatKnowsItsName) {
  for (const Command& command : all_v2_commands()) {
    const std::string name = "nnUNetv2_" + command.name.substr(3);
    const auto linked = shell(bin + "v2/" + name + " -h");
    EXPECT_EQ(linked.code, 0) << linked.text;
    EXPECT_TRUE(linked.text.starts_with("usage: " + name)) << linked.text;
    for (const Option* const option : command.options())
      EXPECT_NE(linked.text.find(option->name), std::string::npos) << name << ' ' << option->name;
    EXPECT_EQ(shell(bin + "nnunet " + command.name + " --help").code, 0);
    EXPECT_EQ(shell(bin + "v2/" + name + " --no-such-thing").code, 2);
  }
  std::size_t links = 0;
  for (const auto& entry : test::fs::directory_iterator(bin + "v2")) links += entry.is_symlink() ? 1 : 0;
  EXPECT_EQ(links, all_v2_commands().size());
  EXPECT_EQ(shell(bin + "nnunet v2").code, 2);
  EXPECT_EQ(shell(bin + "nnunet v2 nonsense").code, 2);
}

TEST(V2Program, MissingFoldersAreNamed) {
  const std::string clean = "env -u nnUNet_raw -u nnUNet_preprocessed -u nnUNet_results ";
  EXPECT_FAILS(shell(clean + bin + "v2/nnUNetv2_find_best_configuration 4"), "dataset 4", "nnUNet_results");
  EXPECT_FAILS(shell(clean + bin + "v2/nnUNetv2_install_pretrained_model_from_zip a.zip"), "nnUNet_results", "export");
  EXPECT_FAILS(shell(bin + "v2/nnUNetv2_ensemble -i /nowhere -o /tmp/none"), "/nowhere", "no such folder");
  EXPECT_FAILS(shell(bin + "v2/nnUNetv2_apply_postprocessing -i /nowhere -o /tmp/none -pp_pkl_file a.pkl"),
               "/nowhere/plans.json", "-plans_json");
  EXPECT_FAILS(shell(bin + "v2/nnUNetv2_plot_overlay_pngs -d 4 -o /tmp/none -overlay_intensity 5"), "from 0 to 1");
  EXPECT_FAILS(shell(bin + "v2/nnUNetv2_evaluate_simple /nowhere /nowhere -l 1"), "/nowhere");
}

}  // namespace
}  // namespace nnunet::app
