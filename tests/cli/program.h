#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>

/// The program from outside, for the tests of the command line.
namespace nnunet::test {

namespace fs = std::filesystem;

/// What a command left: its exit code (128 + signal where one ended it) and what it said.
struct Outcome {
  int code = -1;
  std::string text;  ///< stdout and stderr
};

inline Outcome shell(const std::string& command) {
  Outcome outcome;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("(" + command + ") 2>&1").c_str(), "r"),
                                                   [](FILE*) { return 0; });
  std::array<char, 4096> buffer{};
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe.get()))
    outcome.text.append(buffer.data(), n);
  const int status = pclose(pipe.get());
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

/// The environment variable NNUNET_EMULATOR ("qemu-x86_64 -cpu Haswell") runs the program. nnunet leaves an emulator
/// when it becomes nnunet-engine, which is started itself then.
inline Outcome nnunet_run(const std::string& arguments) {
  const std::string bin = std::string(NNUNET_BINARY_DIR) + "/bin/";
  const char* const emulator = std::getenv("NNUNET_EMULATOR");
  if (emulator == nullptr) return shell(bin + "nnunet " + arguments);
  bool engine = false;
  for (const char* command : {"auto", "train", "evaluate", "predict", "export", "serve", "info", "benchmark"})
    engine = engine || arguments.starts_with(command);
  return shell(std::string(emulator) + " " + bin + (engine ? "nnunet-engine " : "nnunet ") + arguments);
}

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline bool has_leftovers(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string().find(".tmp") != std::string::npos) return true;
  return false;
}

#define EXPECT_FAILS(outcome, ...)                                                               \
  do {                                                                                           \
    const Outcome o_ = (outcome);                                                                \
    EXPECT_NE(o_.code, 0) << o_.text;                                                            \
    EXPECT_LT(o_.code, 128) << "died of a signal: " << o_.text;                                  \
    for (const std::string& part : std::initializer_list<std::string>{__VA_ARGS__})              \
      EXPECT_NE(o_.text.find(part), std::string::npos) << "no '" << part << "' in: " << o_.text; \
  } while (false)

}  // namespace nnunet::test
