#include "nnunet/plan/task.h"

#include <gtest/gtest.h>

#include <fstream>

#include "nnunet/core/error.h"
#include "reference/shared.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

TEST(TaskTable, HoldsTheTenTasks) {
  ASSERT_EQ(task_table().size(), 10U);
  const TaskDefaults* lung = find_task("06");
  ASSERT_NE(lung, nullptr);
  EXPECT_EQ(lung->name, "Lung");
  EXPECT_EQ(lung->patch_3d, (std::array<std::int64_t, 3>{80, 192, 160}));
  EXPECT_EQ(lung->patch_2d, (std::array<std::int64_t, 2>{512, 512}));
  EXPECT_EQ(lung->spacing, (Spacing3{1.24, 0.79, 0.79}));
  ASSERT_TRUE(lung->ct);
  EXPECT_EQ(lung->ct->mean, -158.58);
  EXPECT_FALSE(find_task("01")->ct);
  EXPECT_EQ(find_task("11"), nullptr);
  EXPECT_EQ(find_task("4"), nullptr);
  int ct = 0;
  for (const TaskDefaults& t : task_table()) ct += t.ct.has_value();
  EXPECT_EQ(ct, 6);
}

TEST(TaskName, IsCanonical) {
  EXPECT_EQ(canonical_task("4"), "04");
  EXPECT_EQ(canonical_task("04"), "04");
  EXPECT_EQ(canonical_task("123"), "123");
  for (const char* bad : {"", "a/b", "..", "a b", "."}) EXPECT_THROW(canonical_task(bad), Error) << bad;
}

void expect_error(const fs::path& data, const std::string& task, const std::string& phrase) {
  try {
    find_task_folder(data, task);
    ADD_FAILURE() << "no error; expected: " << phrase;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(phrase), std::string::npos) << e.what();
  }
}

TEST(TaskFolder, IsFoundByNumber) {
  const test::TempFolder data;
  fs::create_directories(data / "Task04_Hippocampus");
  fs::create_directories(data / "Task40_Other");
  fs::create_directories(data / "04_3d");
  std::ofstream(data / "Task41_file") << "";
  EXPECT_EQ(find_task_folder(data.path(), "04"), data / "Task04_Hippocampus");
  expect_error(data.path(), "05", "Task04_Hippocampus, Task40_Other");
  expect_error(data.path(), "41", "unknown task");
  fs::create_directories(data / "Task04_Second");
  expect_error(data.path(), "04", "several");
  expect_error(data / "absent", "04", "cannot be read");
}

}  // namespace
}  // namespace nnunet
