// The Python package over this build's library and program.
#include "models.h"

namespace nnunet::test {
namespace {

namespace fs = std::filesystem;

/// The interpreter that the set-up script noted, else the system's; "" without numpy.
std::string python_with_numpy() {
  std::string python;
  std::ifstream noted(NNUNET_PYTHON_FILE);
  std::getline(noted, python);
  if (python.empty()) python = "python3";
  return shell(python + " -c 'import numpy'").code == 0 ? python : "";
}

#ifndef NNUNET_SANITIZED  // whose runtime has to come with the program
TEST(PythonPackage, DoesWhatItSays) {
  const std::string python = python_with_numpy();
  if (python.empty()) GTEST_SKIP() << "no Python with numpy (" NNUNET_PYTHON_FILE ", python3)";
  const TempFolder folder;
  const fs::path images = folder / "images", labels = folder / "labels";
  fs::create_directory(images);
  write_image(images / "a_0000.nii.gz", tiny_image({13, 22, 25}));
  write_image(images / "b_0000.nii.gz", tiny_image({9, 30, 21}, 1, {2.5, 1, 1}));
  const fs::path model = save_tiny_v2_model(folder.path(), {}, {"0", "1"});
  const fs::path checkpoint = save_tiny(folder / "tiny.ckpt", tiny_config(3));
  const Outcome predicted = nnunet_run(fmt::format("predict --gpus 0 --model '{}' --input '{}' --output '{}/'",
                                                   model.string(), images.string(), labels.string()));
  ASSERT_EQ(predicted.code, 0) << predicted.text;
  const Outcome checked = shell(
      fmt::format("PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='{}/python' MODEL='{}' IMAGES='{}' LABELS='{}' CHECKPOINT='{}' "
                  "'{}' '{}/tests/python/check_package.py'",
                  NNUNET_BINARY_DIR, model.string(), images.string(), labels.string(), checkpoint.string(), python,
                  NNUNET_SOURCE_DIR));
  EXPECT_EQ(checked.code, 0) << checked.text;
}
#endif

}  // namespace
}  // namespace nnunet::test
