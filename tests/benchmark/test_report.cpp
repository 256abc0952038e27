#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nnunet/benchmark/report.h"
#include "nnunet/core/cpu.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

BenchmarkReport made(const std::string& mode) {
  BenchmarkReport report{mode, {{"task", "04"}, {"batch", "2"}}, {}};
  report.add({100.12345, 100, 110, 120, 130}, 20, "img/s", "batch");
  report.figures.push_back({"peak_memory_mib", "peak memory, MiB", 512});
  return report;
}

TEST(BenchmarkReport, RunsAreAddedToTheLogAndToTheMarkdownTable) {
  const test::TempFolder folder;
  save_report(made("train"), folder / "results", "");
  save_report(made("predict"), folder / "results", "");
  const std::string log = read_text(folder / "results/perf.json");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2);
  const auto first = nlohmann::json::parse(log.substr(5, log.find('\n') - 5));
  EXPECT_EQ(first["step"], nlohmann::json::array());
  EXPECT_EQ(first["data"]["throughput_train"], 20.0);
  EXPECT_EQ(first["data"]["latency_train_mean"], 100.123);
  EXPECT_EQ(first["data"]["latency_train_99"], 130.0);
  EXPECT_EQ(first["data"]["task"], "04");
  EXPECT_NE(log.find("latency_predict_50"), std::string::npos);

  const std::string table = read_text(folder / "results/perf.md");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);  // header, rule, two runs
  const std::string machine = processor_name() + ", instruction set " + std::string(isa_name(chosen_isa()));
  EXPECT_NE(table.find("| predict, task 04, batch 2, processor " + machine +
                       " | 20.00 | 100.1 | 100.0 | 110.0 | 120.0 | 130.0 | | | | 512.0 | |"),
            std::string::npos)
      << table;
  EXPECT_EQ(first["data"]["processor"], processor_name());
}

TEST(BenchmarkReport, TableIsAligned) {
  const std::string text = made("train").table();
  EXPECT_NE(text.find("  task: 04\n"), std::string::npos) << text;
  EXPECT_NE(text.find("throughput, img/s         20.00\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace nnunet
