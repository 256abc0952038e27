// What is written from the commands' blocks, tried with the programs that will read it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/program.h"
#include "options/all_commands.h"
#include "v2/blocks/all_v2_commands.h"

namespace nnunet::app {
namespace {

using test::shell;

const std::string share = NNUNET_SOURCE_DIR "/share";

bool have(const std::string& program) {
  return shell("command -v " + program).code == 0;
}

/// What bash would offer for the last of these words.
std::string completed(const std::string& words) {
  std::istringstream count(words);
  int last = -1;
  for (std::string word; count >> word;) ++last;
  if (words.ends_with(" ")) ++last;
  const std::string list = words + (words.ends_with(" ") ? "''" : "");
  const auto outcome =
      shell("cd " + share + " && bash -c 'source bash-completion/completions/nnunet; COMP_WORDS=(" + list +
            "); COMP_CWORD=" + std::to_string(last) + "; _nnunet; printf \"%s \" \"${COMPREPLY[@]}\"'");
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  return outcome.text;
}

TEST(Generated, BashCompletesCommandsOptionsChoicesAndFiles) {
  if (!have("bash")) GTEST_SKIP() << "NOT TESTED: no bash";
  EXPECT_EQ(completed("nnunet pre"), "preprocess predict ");
  EXPECT_EQ(completed("nnunet train --opt"), "--optimizer ");
  EXPECT_EQ(completed("nnunet train --optimizer "), "sgd radam adam ");
  EXPECT_EQ(completed("nnunet train --optimizer = r"), "radam ");
  EXPECT_EQ(completed("nnunet train --no-s"), "--no-save_ckpt ");
  EXPECT_EQ(completed("nnunet preprocess --exec_mode t"), "training test ");
  EXPECT_EQ(completed("nnunet predict --input ma"), "man ");
  EXPECT_EQ(completed("nnunet info zs"), "zsh ");
  EXPECT_EQ(completed("nnunet train --seed "), " ");
}

TEST(Generated, BashCompletesTheCommandsOfNnunetV2) {
  if (!have("bash")) GTEST_SKIP() << "NOT TESTED: no bash";
  EXPECT_EQ(completed("nnunet v"), "v2 ");
  EXPECT_EQ(completed("nnunet v2 predict"), "predict predict_from_modelfolder ");
  EXPECT_EQ(completed("nnunet v2 train --val"), "--val --val_best ");
  for (const std::string train : {"nnunet v2 train", "nnUNetv2_train", "build/bin/v2/nnUNetv2_train"}) {
    EXPECT_EQ(completed(train + " 4 2d 0 -num"), "-num_gpus ") << train;
    EXPECT_EQ(completed(train + " 4 2d 0 -device c"), "cuda cpu ") << train;
    EXPECT_EQ(completed(train + " 4 2d 0 -pretrained_weights ma"), "man ") << train;
    EXPECT_EQ(completed(train + " 4 2d 0 -tr "), " ") << train;
  }
  EXPECT_EQ(completed("nnunet train --no-s"), "--no-save_ckpt ");  // it is another command
  EXPECT_EQ(completed("nnUNetv2_predict_from_modelfolder --c"), "--continue_prediction --c ");
}

TEST(Generated, BashKnowsEveryOption) {
  if (!have("bash")) GTEST_SKIP() << "NOT TESTED: no bash";
  for (const auto& list : {all_commands(), all_v2_commands()})
    for (const Command& command : list) {
      const std::string offered = fmt::format(" {}", completed("nnunet " + command.name + " -"));
      for (const Option* const option : command.options())
        if (!option->hidden && option->name.starts_with("-")) {
          EXPECT_NE(offered.find(" " + option->name + " "), std::string::npos) << command.name << option->name;
        }
    }
}

TEST(Generated, ZshReadsItsCompletion) {
  if (!have("zsh")) GTEST_SKIP() << "NOT TESTED: no zsh";
  const auto outcome = shell("zsh -n " + share + "/zsh/site-functions/_nnunet");
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_EQ(outcome.text, "");
}

TEST(Generated, ManPagesAreWellFormed) {
  if (!have("groff")) GTEST_SKIP() << "NOT TESTED: no groff";
  for (const auto& entry : test::fs::directory_iterator(share + "/man/man1")) {
    const auto outcome = shell("groff -man -Tutf8 -ww -z " + entry.path().string());
    EXPECT_EQ(outcome.code, 0) << entry.path();
    EXPECT_EQ(outcome.text, "") << entry.path();
  }
  for (const Command& command : all_commands()) {
    const auto page = shell("groff -man -Tascii -P-cbou " + share + "/man/man1/nnunet-" + command.name + ".1");
    for (const Option* const option : command.options())
      EXPECT_EQ(page.text.find(option->name) == std::string::npos, option->hidden) << command.name << option->name;
  }
}

}  // namespace
}  // namespace nnunet::app
