// nnunet-docs: what is written from the commands' blocks. nnunet-docs ROOT writes it into the source tree;
// nnunet-docs --check ROOT says which files differ, and fails if any does.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "nnunet/io/atomic_file.h"
#include "options/all_commands.h"
#include "pages.h"
#include "v2/blocks/all_v2_commands.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

std::map<fs::path, std::string> generated_files() {
  const std::vector<Command> commands = all_commands(), v2_commands = all_v2_commands();
  std::map<fs::path, std::string> files{
      {"docs/commands.md", markdown(commands)},
      {"docs/v2-commands.md", markdown_v2(v2_commands)},
      {"share/man/man1/nnunet.1", man_overview(commands)},
      {"share/bash-completion/completions/nnunet", bash_completion(commands, v2_commands)},
      {"share/zsh/site-functions/_nnunet", zsh_completion(commands, v2_commands)},
  };
  for (const auto& list : {commands, v2_commands})
    for (const Command& command : list)
      files[fs::path("share/man/man1") / (page_name(command) + ".1")] = man_page(command);
  return files;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Pages of commands that are no more.
std::set<fs::path> stale_files(const fs::path& root, const std::map<fs::path, std::string>& files) {
  std::set<fs::path> stale;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root / "share/man/man1", none))
    if (const fs::path file = fs::path("share/man/man1") / entry.path().filename(); !files.contains(file))
      stale.insert(file);
  return stale;
}

int check(const fs::path& root) {
  const auto files = generated_files();
  int differ = 0;
  for (const auto& [file, text] : files)
    if (content(root / file) != text) {
      std::cout << fmt::format("{} is not what the commands' blocks say\n", file.string());
      ++differ;
    }
  for (const fs::path& file : stale_files(root, files)) {
    std::cout << fmt::format("{} belongs to no command\n", file.string());
    ++differ;
  }
  if (differ > 0) std::cout << "write them anew: build/bin/nnunet-docs .   (or: make docs)\n";
  return differ > 0 ? 1 : 0;
}

int write(const fs::path& root) {
  const auto files = generated_files();
  for (const auto& [file, text] : files) {
    fs::create_directories((root / file).parent_path());
    write_text(root / file, text);
  }
  for (const fs::path& file : stale_files(root, files)) fs::remove(root / file);
  return 0;
}

}  // namespace
}  // namespace nnunet::app

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 1 && words[0] != "--check") return nnunet::app::write(words[0]);
    if (words.size() == 2 && words[0] == "--check") return nnunet::app::check(words[1]);
    std::cerr << "nnunet-docs [--check] ROOT, the folder that holds docs and share\n";
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
  }
  return 1;
}
