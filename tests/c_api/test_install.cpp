// What a program in C gets: an installation, an example that builds with nothing else, documentation that compiles.
#include <sstream>

#include "models.h"

namespace nnunet::test {
namespace {

namespace fs = std::filesystem;

const std::string kSource = NNUNET_SOURCE_DIR, kBuild = NNUNET_BINARY_DIR;
const std::string kStrict = " -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror ";

/// An installation of the C interface alone, elsewhere than it was configured for.
class Installed : public testing::Test {
 protected:
  void SetUp() override {
    run(fmt::format("cmake --install '{}' --component c --prefix '{}/first'", kBuild, folder_.path().string()));
    fs::rename(folder_ / "first", folder_ / "moved");
    for (const auto& entry : fs::recursive_directory_iterator(prefix_))
      if (entry.path().filename() == "pkgconfig") pkgconfig_ = entry.path();
    ASSERT_FALSE(pkgconfig_.empty());
  }
  static void run(const std::string& command) {
    const Outcome done = shell(command);
    ASSERT_EQ(done.code, 0) << command << "\n" << done.text;
  }
  std::string flags() const {
    return fmt::format("$(PKG_CONFIG_PATH='{}' pkg-config --cflags --libs nnunet)", pkgconfig_.string());
  }
  /// The example, started where the library lies.
  std::string example(const std::string& program) const {
    return fmt::format("LD_LIBRARY_PATH='{}' '{}'", pkgconfig_.parent_path().string(), program);
  }

  TempFolder folder_;
  fs::path prefix_ = folder_ / "moved", pkgconfig_;
};

std::string raw_of(const Array<float>& voxels) {
  return {reinterpret_cast<const char*>(voxels.data()), voxels.values.size() * sizeof(float)};
}

#ifndef NNUNET_SANITIZED  // whose runtime has to come with the program
TEST_F(Installed, TheExampleSegments) {
  const Image image = tiny_image({13, 22, 25});
  write(folder_ / "image.raw", raw_of(image.voxels));
  const std::string model = save_tiny(folder_ / "tiny.ckpt", tiny_config(3)).string();
  const std::string arguments = fmt::format(" '{}' '{}' 13 22 25 2 1 1 '{}'", model, (folder_ / "image.raw").string(),
                                            (folder_ / "labels.raw").string());
  run(fmt::format("cc{}'{}/examples/c/segment.c' -o '{}' {}", kStrict, kSource, (folder_ / "by_cc").string(), flags()));
  const Outcome done = shell(example((folder_ / "by_cc").string()) + arguments);
  ASSERT_EQ(done.code, 0) << done.text;
  EXPECT_NE(done.text.find("100 %"), std::string::npos) << done.text;
  EXPECT_NE(done.text.find("mL"), std::string::npos) << done.text;

  Results wanted(image.geometry.shape, 3);
  const nnunet_image given = image_of(image);
  ASSERT_EQ(answer(api().segment(open({model}).get(), &given, nullptr, &wanted.outputs)).code, NNUNET_OK);
  EXPECT_EQ(read(folder_ / "labels.raw"), std::string(wanted.labels.values.begin(), wanted.labels.values.end()));

  fs::remove(folder_ / "labels.raw");
  run(fmt::format("cmake -S '{}/examples/c' -B '{}' -DCMAKE_PREFIX_PATH='{}' && cmake --build '{}'", kSource,
                  (folder_ / "build").string(), prefix_.string(), (folder_ / "build").string()));
  run("'" + (folder_ / "build/segment").string() + "'" + arguments);
  EXPECT_TRUE(fs::exists(folder_ / "labels.raw"));
  const Outcome none = shell("'" + (folder_ / "build/segment").string() + "' none.ckpt a 1 1 1 1 1 1 b");
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.text.find("error: none.ckpt"), std::string::npos) << none.text;
}
#endif

TEST_F(Installed, TheHeaderIsPlainCAndCpp) {
  for (const char* const compiler : {"cc -x c -std=c99", "cc -x c -std=c17", "c++ -x c++ -std=c++98 -Wno-long-long"})
    run(fmt::format("echo '#include <nnunet.h>' | {} -Wall -Wextra -Wpedantic -Werror -fsyntax-only {} -", compiler,
                    flags()));
}

TEST_F(Installed, TheDocumentationsExamplesCompile) {
  std::istringstream document(read(kSource + "/docs/c-api.md"));
  std::string code, line;
  bool inside = false;
  while (std::getline(document, line)) {
    if (line.starts_with("```"))
      inside = line == "```c";
    else if (inside)
      code += line + "\n";
  }
  ASSERT_GT(code.size(), 1000U);
  write(folder_ / "document.c", code);
  run(fmt::format("cc{}-fsyntax-only '{}' {}", kStrict, (folder_ / "document.c").string(), flags()));
}

#ifndef NNUNET_SANITIZED
// Runs a command and prints how many KiB it held at most. A small program of its own: a process begins with the peak of
// the one that it was forked from.
constexpr const char* kPeak = R"(#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char** argv) {
  struct rusage usage;
  int status = 1;
  pid_t child;
  (void)argc;
  child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) _exit(126);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  if (wait4(child, &status, 0, &usage) != child || status != 0) return 1;
  printf("%ld\n", usage.ru_maxrss);
  return 0;
}
)";

// An array beside which the library holds no more than the program does for the same image in a file.
TEST_F(Installed, TakesNoMoreMemoryThanTheProgram) {
  const Image image = tiny_image({160, 256, 256});
  const fs::path model_folder = save_tiny_v2_model(folder_.path(), {.dim = 2, .spacing = {1, 1}});
  auto plans = nlohmann::ordered_json::parse(read(model_folder / "plans.json"));
  plans["configurations"]["2d"]["patch_size"] = {256, 256};
  write(model_folder / "plans.json", plans.dump());
  const std::string model = model_folder.string();
  write(folder_ / "image.raw", raw_of(image.voxels));
  write_image(folder_ / "image_0000.nii.gz", image);
  run(fmt::format("cc{}'{}/examples/c/segment.c' -o '{}' {}", kStrict, kSource, (folder_ / "segment").string(),
                  flags()));
  write(folder_ / "peak.c", kPeak);
  run(fmt::format("cc -D_DEFAULT_SOURCE -std=c99 '{0}.c' -o '{0}'", (folder_ / "peak").string()));
  const auto peak_of = [&](const std::string& command) {
    const Outcome done = shell(fmt::format("LD_LIBRARY_PATH='{}' '{}' {}", pkgconfig_.parent_path().string(),
                                           (folder_ / "peak").string(), command));
    EXPECT_EQ(done.code, 0) << command << "\n" << done.text;
    return done.code == 0 ? std::stoll(done.text) * 1024 : 0;
  };
  const std::int64_t program =
      peak_of(fmt::format("'{}/bin/nnunet' predict --gpus 0 --model '{}' --input '{}' --output '{}'", kBuild, model,
                          (folder_ / "image_0000.nii.gz").string(), (folder_ / "labels.nii.gz").string()));
  const std::int64_t library =
      peak_of(fmt::format("'{}' '{}' '{}' 160 256 256 2 1 1 '{}'", (folder_ / "segment").string(), model,
                          (folder_ / "image.raw").string(), (folder_ / "labels.raw").string()));
  const auto array = static_cast<std::int64_t>(image.voxels.values.size() * sizeof(float));
  EXPECT_LE(static_cast<double>(library - array), 1.1 * static_cast<double>(program));
  RecordProperty("beside_the_array_mib", std::to_string((library - array) >> 20));
  RecordProperty("program_mib", std::to_string(program >> 20));
}
#endif

}  // namespace
}  // namespace nnunet::test
