#pragma once
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// A command as data: one block says its name, what it does, its options and examples. The parser, --help, docs, man
/// pages, shell completion and tests are made from the blocks. A block runs nothing, so that a program can know
/// commands which it does not contain.
namespace nnunet::app {

/// A value whose text on the command line is a name.
struct Named {
  std::function<std::string()> get;
  std::function<void(const std::string&)> set;
};

/// A number that the command line gives in another unit than the program keeps.
struct Scaled {
  bool whole = false;  ///< integers only
  std::function<double()> get;
  std::function<void(double)> set;
};

/// Accepted for command lines that were written for another program; has no effect, and says so.
struct Ignored {
  bool flag = false, list = false;
};

/// Where an option's value goes and its default comes from: a member of an options struct, which must live as long as
/// the block. bool: a flag.
using Target = std::variant<bool*, int*, std::uint16_t*, std::int64_t*, std::uint64_t*, double*, std::string*,
                            std::filesystem::path*, std::optional<int>*, std::optional<std::filesystem::path>*,
                            std::vector<int>*, std::vector<std::int64_t>*, std::vector<double>*,
                            std::vector<std::string>*, std::vector<std::filesystem::path>*, Named, Scaled, Ignored>;

/// What a number may be. open: low itself is not allowed.
struct Range {
  double low = 0, high = std::numeric_limits<double>::infinity();
  bool open = false;

  bool holds(double value) const { return value >= low && value <= high && !(open && value <= low); }
  std::string text() const;  ///< "above 0", "at least 0", "from 0 to 1"
};

/// One option. The functions complete its declaration: option("--dim", o.dim, "...").one_of({"2", "3"}).
struct Option {
  std::string name;  ///< "--data"; without dashes: an argument without a name
  Target target;
  std::string help{};           ///< a sentence, without the default
  std::string no_name{};        ///< flags that are on: what turns them off
  std::string other_name{};     ///< means the same
  std::string default_means{};  ///< what an empty, 0 or -1 default stands for; shown in its place
  std::string unit{};
  std::string reference{};             ///< who described it first
  std::string value_names{};           ///< of lists of few: "[Z] Y X"
  int least = 0, most = 0;             ///< how many values such a list has
  std::vector<std::string> choices{};  ///< empty: any
  std::optional<Range> range{};
  std::string needs{};  ///< another option that must be given too
  bool required = false, hidden = false, new_folder = false, existing_file = false;
  bool* given = nullptr;  ///< set when it is on the command line

  Option& described(std::string text) { return help = std::move(text), *this; }
  Option& by_default(std::string text) { return default_means = std::move(text), *this; }
  Option& in(std::string of_measure) { return unit = std::move(of_measure), *this; }
  Option& from(std::string publication) { return reference = std::move(publication), *this; }
  Option& values(std::string names, int at_least, int at_most);
  Option& one_of(std::vector<std::string> names) { return choices = std::move(names), *this; }
  Option& positive() { return range = Range{.open = true}, *this; }
  Option& not_negative() { return range = Range{}, *this; }
  Option& between(double low, double high) { return range = Range{low, high, false}, *this; }
  Option& share_above_0() { return range = Range{0, 1, true}, *this; }
  Option& only_with(std::string other) { return needs = std::move(other), *this; }
  Option& or_as(std::string name_too) { return other_name = std::move(name_too), *this; }
  Option& off_by(std::string flag) { return no_name = std::move(flag), *this; }
  Option& must_be_given() { return required = true, *this; }
  Option& hide() { return hidden = true, *this; }
  /// A folder that the command makes: its name may not be that of a file.
  Option& made_as_folder() { return new_folder = true, *this; }
  Option& must_exist() { return existing_file = true, *this; }
  Option& noted_in(bool& flag) { return given = &flag, *this; }

  bool is_flag() const;
  bool is_list() const;
  bool is_path() const;
  bool is_whole() const;  ///< integers only
  /// "INT", "UINT", "FLOAT", "TEXT", or value_names; empty for flags.
  std::string type() const;
  /// As on the command line; empty where there is none, or where default_means says it. Flags: empty.
  std::string default_text() const;
};

/// An option of the member `value`, whose default is what it holds now.
template <class T>
Option option(std::string name, T& value, std::string help) {
  return {std::move(name), &value, std::move(help)};
}

/// One of several values by their names.
template <class T>
Named named(T& value, std::vector<std::pair<std::string, T>> names) {
  const auto get = [&value, names] {
    for (const auto& [text, of] : names)
      if (of == value) return text;
    return std::string();
  };
  const auto set = [&value, names](const std::string& given) {
    for (const auto& [text, of] : names)
      if (text == given) value = of;
  };
  return {get, set};
}

template <class T>
Option option(std::string name, T& value, std::vector<std::pair<std::string, T>> names, std::string help) {
  std::vector<std::string> choices;
  for (const auto& [text, of] : names) choices.push_back(text);
  return Option{std::move(name), named(value, std::move(names)), std::move(help)}.one_of(std::move(choices));
}

/// A whole number of units of `unit` (1 << 20: MiB), kept in single ones.
template <class T>
Option scaled_option(std::string name, T& value, T unit, std::string help) {
  const auto set = [&value, unit](double number) {
    constexpr T most = std::numeric_limits<T>::max();
    value = number >= static_cast<double>(most / unit) ? most : static_cast<T>(number) * unit;
  };
  return {std::move(name), Scaled{true, [&value, unit] { return static_cast<double>(value / unit); }, set},
          std::move(help)};
}

/// A time in units of Unit, std::chrono::duration<double> being seconds with a fraction.
template <class Unit, class Duration>
Option time_option(std::string name, Duration& value, std::string help) {
  const auto get = [&value] { return static_cast<double>(std::chrono::duration_cast<Unit>(value).count()); };
  const auto set = [&value](double number) {
    using Rep = typename Unit::rep;
    value = std::chrono::duration_cast<Duration>(Unit(static_cast<Rep>(number)));
  };
  constexpr bool whole = std::is_integral_v<typename Unit::rep>;
  return {std::move(name), Scaled{whole, get, set}, std::move(help)};
}

/// A titled part of the help. Without a title: what comes first.
struct Group {
  std::string title;
  std::vector<Option> options;
};

/// A command line that is run by a test in a folder that the examples before it have filled.
struct Example {
  std::string line;       ///< "nnunet info best.ckpt"
  std::string says{};     ///< what it is for
  std::string not_run{};  ///< why the test only parses it; empty: it is run
};

/// What a module that a viewer makes a panel of (3D Slicer's execution model) shows of a command. Names, types, limits,
/// defaults and help are the options' own.
struct Module {
  enum class Shown { by_type, volume, label_map, folder };
  struct Item {
    std::string option;
    Shown shown = Shown::by_type;  ///< of paths: what lies there
    std::string label{};           ///< of one of several that have the same option
  };
  struct Group {
    std::string title, description;
    std::vector<Item> items;
    bool advanced = false;  ///< folded away at first
  };
  std::string title, category;
  std::vector<Group> groups{};
  std::vector<std::string> always{};  ///< flags that the viewer gives unasked
};

struct Command {
  std::string name;
  std::string summary;        ///< one line, for the list of commands
  std::string description{};  ///< more, for its own page
  std::vector<Group> groups{};
  std::string notes{};  ///< after the options
  std::vector<Example> examples{};
  std::optional<Module> module{};
  std::shared_ptr<void> flags{};  ///< keeps the struct that the options belong to, where the block is its owner

  /// All options, hidden ones too.
  std::vector<const Option*> options() const;
  /// Null where it has none of that name.
  const Option* find(const std::string& option_name) const;
  /// Publications that its options name, each once, in the order of the options.
  std::vector<std::string> references() const;
};

/// A block with a struct of its own.
template <class Flags>
Command declare(Command (*block)(Flags&)) {
  const auto flags = std::make_shared<Flags>();
  Command command = block(*flags);
  command.flags = flags;
  return command;
}

/// Help's text for the option: its sentence and, where default_means says what it is, the default.
std::string help_text(const Option& option);

}  // namespace nnunet::app
