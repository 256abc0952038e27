#include "module_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "nnunet/core/version.h"

namespace nnunet::app {
namespace {

std::string escaped_xml(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string element(const std::string& tag, const std::string& text) {
  return fmt::format("<{0}>{1}</{0}>\n", tag, escaped_xml(text));
}

/// "val_batch_size" of "--val_batch_size".
std::string bare(const std::string& option) {
  return option.substr(std::min(option.find_first_not_of('-'), option.size()));
}

/// "Val batch size"
std::string label_of(const Module::Item& item) {
  if (!item.label.empty()) return item.label;
  std::string text = bare(item.option);
  std::ranges::replace(text, '_', ' ');
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

/// No two are the same.
std::string name_of(const Module::Item& item) {
  std::string text = item.label.empty() ? bare(item.option) : item.label;
  std::ranges::replace(text, ' ', '_');
  return text;
}

/// An element's name with its attributes.
struct Kind {
  std::string tag, attributes{};
};

/// Viewers give numbers and choices whether or not they were changed, but no empty texts: what has no default that can
/// be said is a text.
Kind kind_of(const Option& option, Module::Shown shown) {
  switch (shown) {
    case Module::Shown::volume:
      return {"image", " type=\"scalar\" fileExtensions=\".nii.gz,.nii\""};
    case Module::Shown::label_map:
      return {"image", " type=\"label\" fileExtensions=\".nii.gz,.nii\""};
    case Module::Shown::folder:
      return {"directory"};
    case Module::Shown::by_type:
      break;
  }
  if (option.is_flag()) return {"boolean"};
  if (option.is_path()) return {"file"};
  if (option.default_text().empty()) return {"string"};
  if (!option.choices.empty()) return {"string-enumeration"};
  if (option.is_whole()) return {"integer"};
  return {option.type() == "FLOAT" ? "double" : "string"};
}

std::string constraints(const Option& option, const Kind& kind) {
  if (!option.range || (kind.tag != "integer" && kind.tag != "double")) return "";
  std::string text = "<constraints>\n";
  if (std::isfinite(option.range->low)) text += element("minimum", fmt::format("{}", option.range->low));
  if (std::isfinite(option.range->high)) text += element("maximum", fmt::format("{}", option.range->high));
  return text + element("step", kind.tag == "integer" ? "1" : "0.01") + "</constraints>\n";
}

const Option& find(const Command& command, const std::string& name) {
  const Option* const option = command.find(name);
  if (option == nullptr) throw std::logic_error(name + " is no option of " + command.name);
  return *option;
}

std::string parameter(const Command& command, const Module::Item& item, bool given_unasked = false) {
  const Option& option = find(command, item.option);
  const Kind kind = kind_of(option, item.shown);
  std::string text = fmt::format("<{}{}{}>\n", kind.tag, kind.attributes, given_unasked ? " hidden=\"true\"" : "");
  text += element("name", name_of(item));
  text += element("longflag", bare(option.name));
  text += element("description", help_text(option));
  text += element("label", label_of(item));
  if (kind.tag == "boolean")
    text += element("default", given_unasked ? "true" : "false");
  else if (!option.default_text().empty() && kind.tag != "image")
    text += element("default", option.default_text());
  if (kind.tag == "image") text += element("channel", item.shown == Module::Shown::label_map ? "output" : "input");
  if (kind.tag == "file" || kind.tag == "directory") text += element("channel", "input");
  if (kind.tag == "string-enumeration")
    for (const std::string& choice : option.choices) text += element("element", choice);
  return text + constraints(option, kind) + fmt::format("</{}>\n", kind.tag);
}

std::string parameters(const Command& command, const Module::Group& group, const std::vector<std::string>& always) {
  std::string text = group.advanced ? "<parameters advanced=\"true\">\n" : "<parameters>\n";
  text += element("label", group.title) + element("description", group.description);
  for (const Module::Item& item : group.items) text += parameter(command, item);
  for (const std::string& name : always) text += parameter(command, {name}, true);
  return text + "</parameters>\n";
}

}  // namespace

std::string module_description(const Command& command) {
  if (!command.module) throw std::logic_error(command.name + " is no module");
  const Module& module = *command.module;
  std::string text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<executable>\n";
  text += element("category", module.category) + element("title", module.title);
  text += element("description", command.summary + ". Not a medical device");
  text += element("version", program_version()) + element("license", "Apache-2.0");
  for (const Module::Group& group : module.groups)
    text += parameters(command, group, &group == &module.groups.front() ? module.always : std::vector<std::string>());
  return text + "</executable>\n";
}

}  // namespace nnunet::app
