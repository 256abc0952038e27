#include "nnunet/benchmark/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "nnunet/core/cpu.h"
#include "nnunet/core/table.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/report/dllogger.h"

namespace nnunet {

namespace fs = std::filesystem;

namespace {

// Four significant digits, as far as they lie before the third decimal.
std::string shown(double value) {
  return fmt::format("{:.{}f}", value, value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3);
}

// A figure is worth nothing without it.
BenchmarkReport::Setup with_processor(BenchmarkReport::Setup setup) {
  setup.emplace_back("processor", processor_name());
  setup.emplace_back("instruction set", isa_name(chosen_isa()));
  return setup;
}

// The table's columns; those that a mode does not measure stay empty. {}: the mode.
const std::vector<std::pair<std::string, std::string>>& markdown_columns() {
  static const std::vector<std::pair<std::string, std::string>> columns{
      {"per second", "throughput_{}"}, {"mean ms", "latency_{}_mean"},      {"50 %", "latency_{}_50"},
      {"90 %", "latency_{}_90"},       {"95 %", "latency_{}_95"},           {"99 %", "latency_{}_99"},
      {"GFLOP/s", "gflops_{}"},        {"peak GFLOP/s", "peak_gflops"},     {"% of peak", "peak_percent"},
      {"MiB", "peak_memory_mib"},      {"data wait %", "data_wait_percent"}};
  return columns;
}

std::string markdown_header() {
  std::string names = "| when | what |", rule = "|---|---|";
  for (const auto& column : markdown_columns()) {
    names += " " + column.first + " |";
    rule += "---:|";
  }
  return names + "\n" + rule + "\n";
}

std::string markdown_row(const BenchmarkReport& report) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::string setup = report.mode;
  for (const auto& [name, value] : with_processor(report.setup)) setup += fmt::format(", {} {}", name, value);
  std::string row = fmt::format("| {:%Y-%m-%d %H:%M} | {} |", local, setup);
  for (const auto& column : markdown_columns()) {
    const Figure* figure = report.find(fmt::format(fmt::runtime(column.second), report.mode));
    row += figure == nullptr ? " |" : fmt::format(" {} |", shown(figure->value));
  }
  return row + "\n";
}

void add_markdown_row(const fs::path& path, const BenchmarkReport& report) {
  const std::string former = fs::exists(path) ? read_text(path) : markdown_header();
  write_text(path, former + markdown_row(report));
}

}  // namespace

void BenchmarkReport::add(const Latency& latency, double throughput, const std::string& unit, const std::string& what) {
  figures.push_back({"throughput_" + mode, "throughput, " + unit, throughput});
  const auto ms = [&](const std::string& end, const std::string& name, double value) {
    figures.push_back({fmt::format("latency_{}_{}", mode, end), fmt::format("latency {}, ms a {}", name, what), value});
  };
  ms("mean", "mean", latency.mean);
  ms("50", "50 %", latency.p50);
  ms("90", "90 %", latency.p90);
  ms("95", "95 %", latency.p95);
  ms("99", "99 %", latency.p99);
}

const Figure* BenchmarkReport::find(const std::string& key) const {
  for (const Figure& figure : figures)
    if (figure.key == key) return &figure;
  return nullptr;
}

std::string BenchmarkReport::table() const {
  std::string text = "benchmark " + mode + "\n";
  for (const auto& [name, value] : with_processor(setup)) text += fmt::format("  {}: {}\n", name, value);
  Table numbers({"figure", "value"});
  for (const Figure& figure : figures) numbers.add({figure.name, shown(figure.value)});
  return text + numbers.text();
}

void save_report(const BenchmarkReport& report, const fs::path& results, const std::string& logname) {
  require_writable_folder(results);
  nlohmann::ordered_json data;
  for (const Figure& figure : report.figures) data[figure.key] = rounded(figure.value, 3);
  for (const auto& [name, value] : with_processor(report.setup)) data[name] = value;
  const fs::path log = results / (logname.empty() ? "perf.json" : logname);
  DllLogger(log, true).log(nlohmann::ordered_json::array(), data);
  add_markdown_row(fs::path(log).replace_extension(".md"), report);
}

}  // namespace nnunet
