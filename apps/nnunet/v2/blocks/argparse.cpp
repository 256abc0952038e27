#include "v2/blocks/argparse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace nnunet::app {
namespace {

bool is_positional(const Option& option) {
  return !option.name.starts_with("-");
}

bool is_number(const std::string& word) {
  double value = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  return code == std::errc() && end == word.data() + word.size();
}

/// Negative numbers are values.
bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !is_number(word) && word.find(' ') == std::string::npos;
}

std::string shown_name(const Option& option) {
  return option.other_name.empty() ? option.name : option.name + "/" + option.other_name;
}

template <class T>
T number(const Option& option, const std::string& word) {
  T value{};
  const char* const start = word.data() + (word.starts_with("+") ? 1 : 0);
  const auto [end, code] = std::from_chars(start, word.data() + word.size(), value);
  if (code != std::errc() || end != word.data() + word.size())
    throw WrongArguments(fmt::format("argument {}: '{}' is not {}", shown_name(option), word,
                                     std::is_integral_v<T> ? "a whole number" : "a number"));
  if (option.range && !option.range->holds(static_cast<double>(value)))
    throw WrongArguments(
        fmt::format("argument {}: {} is out of range: {}", shown_name(option), word, option.range->text()));
  return value;
}

template <class T>
T value_of(const Option& option, const std::string& word) {
  if (!option.choices.empty() && std::ranges::find(option.choices, word) == option.choices.end())
    throw WrongArguments(
        fmt::format("argument {}: '{}' is none of {}", shown_name(option), word, fmt::join(option.choices, ", ")));
  if constexpr (std::is_arithmetic_v<T>)
    return number<T>(option, word);
  else
    return T(word);
}

template <class T>
struct Element {
  using Type = T;
};
template <class T>
struct Element<std::vector<T>> {
  using Type = T;
};
template <class T>
struct Element<std::optional<T>> {
  using Type = T;
};

/// Stores the words of one option; those of flags are none.
void store(const Option& option, const std::vector<std::string>& words) {
  std::visit(
      [&](const auto& target) {
        using Pointer = std::decay_t<decltype(target)>;
        if constexpr (std::is_pointer_v<Pointer>) {
          using T = std::remove_pointer_t<Pointer>;
          using Item = typename Element<T>::Type;
          if constexpr (std::is_same_v<T, bool>) {
            *target = true;
          } else if constexpr (std::is_same_v<T, std::vector<Item>>) {
            target->clear();
            for (const std::string& word : words) target->push_back(value_of<Item>(option, word));
          } else {
            *target = value_of<Item>(option, words.at(0));
          }
        } else if constexpr (std::is_same_v<Pointer, Named>) {
          target.set(value_of<std::string>(option, words.at(0)));
        } else if constexpr (std::is_same_v<Pointer, Scaled>) {
          target.set(value_of<double>(option, words.at(0)));
        }
      },
      option.target);
  if (option.given != nullptr) *option.given = true;
}

class Parser {
 public:
  Parser(const Command& command, const std::vector<std::string>& words) : words_(words) {
    for (const Option* const option : command.options()) {
      if (is_positional(*option)) {
        positionals_.push_back(option);
        continue;
      }
      options_[option->name] = option;
      if (!option->other_name.empty()) options_[option->other_name] = option;
    }
    options_["-h"] = options_["--help"] = nullptr;
  }

  bool run() {
    while (at_ < words_.size()) {
      const std::string word = words_[at_++];
      if (!only_values_ && word == "--") {
        only_values_ = true;
      } else if (only_values_ || !looks_like_option(word)) {
        take_positional(word);
      } else if (!take_option(word)) {
        return false;
      }
    }
    require_all();
    for (const auto& [option, values] : taken_) store(*option, values);
    return true;
  }

 private:
  struct Found {
    const Option* option = nullptr;  ///< null: help
    std::optional<std::string> value;
  };

  /// The option that a word names: whole, before "=", as the only one that begins so, or as a letter with its value.
  Found find(const std::string& word) const {
    if (const auto same = options_.find(word); same != options_.end()) return {same->second, std::nullopt};
    const std::size_t sign = word.find('=');
    const std::string name = word.substr(0, sign);
    const auto value = sign == std::string::npos ? std::nullopt : std::optional(word.substr(sign + 1));
    if (const auto same = options_.find(name); same != options_.end()) return {same->second, value};
    std::set<std::string> begin;
    for (const auto& [known, option] : options_)
      if (known.starts_with(name)) begin.insert(known);
    if (begin.size() > 1) throw WrongArguments(fmt::format("'{}' may mean {}", name, fmt::join(begin, ", ")));
    if (begin.size() == 1) return {options_.at(*begin.begin()), value};
    if (const auto letter = options_.find(word.substr(0, 2)); word[1] != '-' && letter != options_.end())
      return {letter->second, word.substr(2)};
    throw WrongArguments(fmt::format("unknown argument '{}'", word));
  }

  bool at_value() const { return at_ < words_.size() && words_[at_] != "--" && !looks_like_option(words_[at_]); }

  /// False: help.
  bool take_option(const std::string& word) {
    const Found found = find(word);
    if (found.option == nullptr) return false;
    std::vector<std::string> values;
    if (found.value) values.push_back(*found.value);
    const Option& option = *found.option;
    if (option.is_flag()) {
      if (found.value) throw WrongArguments(fmt::format("argument {}: takes no value", shown_name(option)));
    } else if (!found.value) {
      do {
        if (!at_value()) break;
        values.push_back(words_[at_++]);
      } while (option.is_list());
      if (values.empty()) throw WrongArguments(fmt::format("argument {}: a value is missing", shown_name(option)));
    }
    take(option, std::move(values));
    return true;
  }

  void take_positional(const std::string& word) {
    if (next_positional_ == positionals_.size()) throw WrongArguments(fmt::format("unknown argument '{}'", word));
    take(*positionals_[next_positional_++], {word});
  }

  /// Of an option given twice the last counts.
  void take(const Option& option, std::vector<std::string> values) { taken_[&option] = std::move(values); }

  void require_all() const {
    std::vector<std::string> missing;
    for (const Option* const option : positionals_)
      if (!taken_.contains(option)) missing.push_back(option->name);
    for (const auto& [name, option] : options_)
      if (option != nullptr && option->required && !taken_.contains(option)) missing.push_back(name);
    if (!missing.empty()) throw WrongArguments(fmt::format("missing: {}", fmt::join(missing, ", ")));
  }

  const std::vector<std::string>& words_;
  std::size_t at_ = 0, next_positional_ = 0;
  bool only_values_ = false;
  std::map<std::string, const Option*> options_;
  std::vector<const Option*> positionals_;
  std::map<const Option*, std::vector<std::string>> taken_;
};

std::string value_word(const Option& option) {
  if (option.is_flag()) return "";
  const std::string word = !option.choices.empty() ? fmt::format("{{{}}}", fmt::join(option.choices, ","))
                           : option.is_path()      ? "PATH"
                                                   : option.type();
  return option.is_list() ? fmt::format("{0} [{0} ...]", word) : word;
}

constexpr std::size_t kWidth = 79, kColumn = 26;

/// `words` in lines of kWidth, continued at `indent`; the first line begins at `used`.
std::string wrapped(const std::vector<std::string>& words, std::size_t used, std::size_t indent) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty() && used + 1 + word.size() > kWidth) {
      text += fmt::format("\n{:{}}", "", indent);
      used = indent;
    } else if (!text.empty()) {
      text += ' ';
      ++used;
    }
    text += word;
    used += word.size();
  }
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string entry(const std::string& head, const std::string& text) {
  std::string line = fmt::format("  {}", head);
  if (line.size() + 2 > kColumn)
    line += fmt::format("\n{:{}}", "", kColumn);
  else
    line.resize(kColumn, ' ');
  return line + wrapped(split(text), kColumn, kColumn) + "\n";
}

std::string meaning(const Option& option) {
  const std::string value = option.default_means.empty() ? option.default_text() : option.default_means;
  return value.empty() ? option.help : fmt::format("{} (default: {})", option.help, value);
}

std::string head(const Option& option) {
  std::string text = option.name;
  if (!option.other_name.empty()) text += ", " + option.other_name;
  const std::string word = is_positional(option) ? "" : value_word(option);
  return word.empty() ? text : text + " " + word;
}

}  // namespace

bool parse_arguments(const Command& command, const std::vector<std::string>& words) {
  return Parser(command, words).run();
}

std::string usage(const Command& command, const std::string& program) {
  std::vector<std::string> words{"[-h]"}, positional;
  for (const Option* const option : command.options()) {
    if (is_positional(*option)) {
      positional.push_back(option->name);
      continue;
    }
    const std::string word = value_word(*option);
    const std::string text = word.empty() ? option->name : option->name + " " + word;
    words.push_back(option->required ? text : fmt::format("[{}]", text));
  }
  words.insert(words.end(), positional.begin(), positional.end());
  const std::string start = fmt::format("usage: {} ", program);
  return fmt::format("{}{}\n", start, wrapped(words, start.size(), std::min<std::size_t>(start.size(), 24)));
}

std::string help(const Command& command, const std::string& program) {
  const auto paragraph = [](const std::string& text) {
    return text.empty() ? "" : fmt::format("\n{}\n", wrapped(split(text), 0, 0));
  };
  std::string positional, options = entry("-h, --help", "Print this and exit");
  for (const Option* const option : command.options())
    (is_positional(*option) ? positional : options) += entry(head(*option), meaning(*option));
  if (!positional.empty()) positional.insert(0, "\narguments:\n");
  return fmt::format("{}{}{}{}\noptions:\n{}{}", usage(command, program), paragraph(command.summary + "."),
                     paragraph(command.description), positional, options, paragraph(command.notes));
}

}  // namespace nnunet::app
