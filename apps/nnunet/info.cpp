// nnunet info: what a file or folder holds, and what this machine is.
#include "options/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "describe.h"
#include "describe_machine.h"
#include "nnunet/core/error.h"
#include "nnunet/core/table.h"
#include "options/parser.h"

namespace nnunet::app {
namespace {

using Json = nlohmann::ordered_json;

/// A checkpoint may hold text in any encoding.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string cell(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_boolean()) return json.get<bool>() ? "yes" : "no";
  if (json.is_number_float()) return fmt::format("{:.6g}", json.get<double>());
  return dump(json, -1);
}

/// "1, 2, 3", "1x2x2, 2x2x2".
std::string list_text(const Json& list) {
  std::string text;
  for (const Json& item : list) {
    std::string part;
    if (item.is_array()) {
      for (const Json& number : item) part.append(part.empty() ? "" : "x").append(cell(number));
    } else {
      part = cell(item);
    }
    text.append(text.empty() ? "" : ", ").append(part);
  }
  return text;
}

std::string table_text(const Json& rows) {
  std::vector<std::string> header;
  for (const auto& [key, value] : rows.front().items()) header.push_back(key);
  Table table(header);
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& key : header) cells.push_back(row.contains(key) ? cell(row[key]) : "");
    table.add(cells);
  }
  return table.text();
}

void run(const InfoFlags& flags) {
  if (flags.paths.empty() && !flags.machine) throw CLI::RequiredError("path or --machine");
  Json all = Json::array();
  std::size_t problems = 0;
  if (flags.machine) {
    all.push_back(describe_machine());
    if (!flags.json) std::fputs(description_text(all.back()).c_str(), stdout);
  }
  for (const auto& path : flags.paths) {
    all.push_back(describe(path, flags.tensors));
    problems += all.back().contains("problems") ? all.back()["problems"].size() : 0;
    if (!flags.json) std::fputs((description_text(all.back()) + (flags.paths.size() > 1 ? "\n" : "")).c_str(), stdout);
  }
  if (flags.json) std::puts(dump(all.size() == 1 ? all[0] : all, 2).c_str());
  std::fflush(stdout);
  if (problems > 0) throw Error("info", fmt::format("{} files could not be read", problems), "see \"problems\" above");
}

}  // namespace

std::string description_text(const Json& json, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      text += fmt::format("{}{}:\n{}", margin, key, description_text(value, indent + 2));
    } else if (value.is_array() && !value.empty() && value.front().is_object()) {
      text += fmt::format("\n{}\n", table_text(value));
    } else if (key == "problems") {
      for (const Json& problem : value) text += fmt::format("problem: {}\n", cell(problem));
    } else {
      text += fmt::format("{}{}: {}\n", margin, key, value.is_array() ? list_text(value) : cell(value));
    }
  }
  return text;
}

void add_info(CLI::App& program) {
  add_command<InfoFlags>(program, info_command, run);
}

}  // namespace nnunet::app
