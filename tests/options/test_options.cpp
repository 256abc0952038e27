// The commands' blocks: defaults are those of the options structs, examples can be parsed, no option is there twice.
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "options/all_commands.h"
#include "options/parser.h"

namespace nnunet::app {
namespace {

/// The option's value as it is now, whatever its help says of it.
std::string value_now(const Option& option) {
  Option shown = option;
  shown.default_means.clear();
  shown.required = false;
  return shown.default_text();
}

std::vector<std::string> values_now(const Command& command) {
  std::vector<std::string> values;
  for (const Option* const option : command.options()) {
    values.push_back(option->name + " " + value_now(*option));
    if (const auto* const flag = std::get_if<bool*>(&option->target)) values.back() += **flag ? "on" : "off";
  }
  return values;
}

/// A program with all commands, none of which does anything.
struct Parser {
  std::vector<Command> commands = all_commands();
  CLI::App program;

  Parser() {
    program.name("nnunet");
    for (const Command& command : commands) add_to(program, command);
  }
  void parse(const std::string& line) { program.parse(line, true); }
  const Command& command(const std::string& name) const {
    return *std::ranges::find_if(commands, [&](const Command& c) { return c.name == name; });
  }
};

TEST(Options, EachOptionIsThereOnce) {
  for (const Command& command : all_commands()) {
    std::set<std::string> names;
    for (const Option* const option : command.options())
      EXPECT_TRUE(names.insert(option->name).second) << command.name << " " << option->name;
  }
}

TEST(Options, EachSaysWhatItIsFor) {
  for (const Command& command : all_commands()) {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_EQ(command.summary.find('\n'), std::string::npos) << command.name;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    for (const Option* const option : command.options()) {
      EXPECT_FALSE(option->help.empty()) << command.name << " " << option->name;
      EXPECT_EQ(option->help.find("(default"), std::string::npos) << "said in words: " << option->name;
      EXPECT_TRUE(option->needs.empty() || command.find(option->needs) != nullptr) << option->name;
    }
  }
}

// Words stand for a default that says nothing itself: empty, 0 or -1.
TEST(Options, DefaultsInWordsStandForNoValue) {
  for (const Command& command : all_commands())
    for (const Option* const option : command.options())
      if (!option->default_means.empty() && command.name + option->name != "benchmark--results") {
        const std::string value = value_now(*option);
        EXPECT_TRUE(value.empty() || value == "0" || value == "-1") << command.name << " " << option->name << value;
      }
}

TEST(Options, ADefaultIsOneOfTheChoicesAndInTheRange) {
  for (const Command& command : all_commands())
    for (const Option* const option : command.options()) {
      const std::string value = option->default_text();
      if (value.empty()) continue;
      EXPECT_TRUE(option->choices.empty() || std::ranges::find(option->choices, value) != option->choices.end())
          << option->name << " " << value;
      if (!option->range) continue;
      const double number = std::stod(value);
      EXPECT_TRUE(option->range->open ? number > option->range->low : number >= option->range->low) << option->name;
      EXPECT_LE(number, option->range->high) << option->name;
    }
}

// Parsing a command line without options must leave the struct's own defaults.
TEST(Options, NothingIsChangedByWhatIsNotGiven) {
  const std::map<std::string, std::string> required{{"auto", " --dataset x"},
                                                    {"phantom", " --output x"},
                                                    {"score", " --preds x --lbls x"},
                                                    {"export", " --ckpt_path x --format triton --output x"},
                                                    {"serve", " --model a=b"},
                                                    {"client", " --model a --input x --output x"},
                                                    {"dicom-seg", " --labels x --series x --output x"},
                                                    {"dicom-node", " --spool x"}};
  for (const Command& command : all_commands()) {
    Parser parser;
    const auto before = values_now(parser.command(command.name));
    const auto given = required.find(command.name);
    parser.parse("nnunet " + command.name + (given == required.end() ? "" : given->second));
    const auto after = values_now(parser.command(command.name));
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool set = given != required.end() &&
                       given->second.find(before[i].substr(0, before[i].find(' ')) + " ") != std::string::npos;
      EXPECT_TRUE(set || before[i] == after[i]) << command.name << ": " << before[i] << " became " << after[i];
    }
  }
}

TEST(Options, ExamplesCanBeParsed) {
  for (const Command& command : all_commands())
    for (const Example& example : command.examples) {
      EXPECT_TRUE(example.line.starts_with("nnunet " + command.name)) << example.line;
      Parser parser;
      EXPECT_NO_THROW(parser.parse(example.line)) << example.line;
    }
}

TEST(Options, ValuesArriveInTheirUnits) {
  Parser parser;
  parser.parse("nnunet serve --model a=b --max_request_mib 3 --timeout_s 1.5 --batch_delay_us 7 --blend constant");
  const Command& serve = parser.command("serve");
  const auto value = [&](const std::string& name) { return value_now(*serve.find(name)); };
  EXPECT_EQ(value("--max_request_mib"), "3");
  EXPECT_EQ(value("--timeout_s"), "1.5");
  EXPECT_EQ(value("--batch_delay_us"), "7");
  EXPECT_EQ(value("--blend"), "constant");
}

TEST(Options, WhatIsNoneOfTheChoicesIsRefused) {
  for (const std::string line : {"nnunet predict --blend linear", "nnunet train --norm layer", "nnunet train --dim 4",
                                 "nnunet preprocess --exec_mode predict", "nnunet export --precision int8",
                                 "nnunet train --exec_mode predict", "nnunet train --engine openvino"}) {
    Parser parser;
    EXPECT_THROW(parser.parse(line), CLI::ParseError) << line;
  }
}

}  // namespace
}  // namespace nnunet::app
