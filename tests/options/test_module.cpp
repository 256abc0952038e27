// The description that 3D Slicer makes a panel of, and the command line that it makes of the panel.
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <regex>

#include "cli/program.h"
#include "options/all_commands.h"
#include "options/module_description.h"
#include "options/parser.h"
#include "options/predict.h"

namespace nnunet::app {
namespace {

/// A parameter as a viewer reads it.
struct Parameter {
  std::string tag, flag, value, channel, name;
  bool hidden = false;
};

std::string inner(const std::string& xml, const std::string& tag) {
  std::smatch match;
  return std::regex_search(xml, match, std::regex("<" + tag + ">([^<]*)</" + tag + ">")) ? match[1].str() : "";
}

std::vector<Parameter> parameters(const std::string& xml) {
  const std::regex element(
      "<(image|directory|file|boolean|string|integer|double|string-enumeration)( [^>]*)?>\n"
      "([^]*?)</\\1>\n");
  std::vector<Parameter> all;
  for (std::sregex_iterator it(xml.begin(), xml.end(), element), end; it != end; ++it) {
    const std::string text = (*it)[3];
    all.push_back({(*it)[1], inner(text, "longflag"), inner(text, "default"), inner(text, "channel"),
                   inner(text, "name"), (*it)[2].str().find("hidden=\"true\"") != std::string::npos});
  }
  return all;
}

/// Numbers and choices are always given, flags that are on, texts that are not empty, images that were chosen.
std::string command_line(const std::vector<Parameter>& panel) {
  std::string line = "nnunet predict";
  for (const Parameter& p : panel) {
    if (p.tag == "boolean" ? p.value != "true" : p.value.empty() && p.tag != "image") continue;
    line += " --" + p.flag;
    if (p.tag == "image")
      line += " /tmp/" + p.name + ".nii.gz";
    else if (p.tag != "boolean")
      line += " " + p.value;
  }
  return line;
}

TEST(Module, IsMadeOfTheCommandsOwnOptions) {
  const Command command = declare(predict_command);
  const auto panel = parameters(module_description(command));
  ASSERT_GT(panel.size(), 10U);
  for (const Parameter& p : panel) {
    const Option* const option = command.find("--" + p.flag);
    ASSERT_NE(option, nullptr) << p.flag;
    EXPECT_EQ(p.tag == "boolean", option->is_flag()) << p.flag;
    if (p.tag != "boolean" && p.tag != "image") {
      EXPECT_EQ(p.value, option->default_text()) << p.flag;
    }
  }
}

TEST(Module, ItsUnchangedPanelIsAUsualCommandLine) {
  PredictFlags flags;
  CLI::App program;
  add_to(program, predict_command(flags));
  auto panel = parameters(module_description(declare(predict_command)));
  program.parse(command_line(panel), true);
  EXPECT_EQ(flags.images.input, "/tmp/input.nii.gz");
  EXPECT_EQ(flags.images.output, "/tmp/output.nii.gz");
  ASSERT_EQ(flags.images.more_channels.size(), 3U);
  EXPECT_EQ(flags.images.more_channels[2], "/tmp/Channel_4.nii.gz");
  EXPECT_TRUE(flags.filter_progress);
  EXPECT_TRUE(flags.images.overwrite);
  EXPECT_EQ(flags.inference.model.windows.overlap, SlidingOptions{}.overlap);
  EXPECT_EQ(flags.inference.model.compute.gpus, ComputeOptions{}.gpus);
  EXPECT_FALSE(flags.inference.model.windows.tta);
}

TEST(Module, WhatIsGivenUnaskedIsHidden) {
  int hidden = 0;
  for (const Parameter& p : parameters(module_description(declare(predict_command))))
    if (p.hidden) {
      EXPECT_EQ(p.value, "true") << p.flag;
      ++hidden;
    }
  EXPECT_EQ(hidden, 2);
}

TEST(Module, NamesNoOptionThatIsNotThere) {
  Command command = declare(predict_command);
  command.module->groups[0].items.push_back({"--no_such_option"});
  EXPECT_THROW(module_description(command), std::logic_error);
  command.module.reset();
  EXPECT_THROW(module_description(command), std::logic_error);
}

TEST(Module, TextIsWrittenAsXml) {
  std::string text = "a";
  Command command{.name = "x", .summary = "a < b & \"c\"", .groups = {{"", {option("--text", text, "<i>")}}}};
  command.module = Module{"t", "c", {{"g", "d", {{"--text"}}}}, {}};
  const std::string xml = module_description(command);
  EXPECT_NE(xml.find("a &lt; b &amp; &quot;c&quot;"), std::string::npos) << xml;
  EXPECT_NE(xml.find("<description>&lt;i&gt;</description>"), std::string::npos) << xml;
}

TEST(Module, IsPrintedByTheProgram) {
  const auto printed = test::shell(NNUNET_BINARY_DIR "/bin/slicer/nnUNetPredict --xml");
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.text, module_description(declare(predict_command)));
}

}  // namespace
}  // namespace nnunet::app
