#include <ATen/record_function.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../../src/benchmark/trace.h"
#include "nnunet/io/atomic_file.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

TEST(Trace, HoldsOperatorsAndStages) {
  const test::TempFolder folder;
  const auto work = [] {
    RECORD_USER_SCOPE("a stage");
    at::mm(torch::ones({4, 4}), torch::ones({4, 4}));
  };
  ASSERT_TRUE(write_trace(folder / "trace.json", torch::kCPU, work));
  const auto trace = nlohmann::json::parse(read_text(folder / "trace.json"));
  std::set<std::string> names;
  for (const auto& event : trace["traceEvents"]) names.insert(event.value("name", ""));
  EXPECT_TRUE(names.contains("a stage"));
  EXPECT_TRUE(names.contains("aten::mm"));
}

TEST(Trace, AFailureEndsIt) {
  const test::TempFolder folder;
  EXPECT_THROW(write_trace(folder / "trace.json", torch::kCPU, [] { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(folder / "trace.json"));
  EXPECT_TRUE(write_trace(folder / "trace.json", torch::kCPU, [] {}));
}

}  // namespace
}  // namespace nnunet
